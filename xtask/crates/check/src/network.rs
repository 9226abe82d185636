//! The network: two subnets in two zones, and a way out of each.

use super::expect::expect;
use super::model::{Model, Resource, Stack, shown};
use super::report::Report;

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    let Some(stack) = model.stack("network") else {
        return;
    };
    let Some(vpc) = stack.first("AWS::EC2::VPC") else {
        report.add(stack.index, 1, "there is no AWS::EC2::VPC", "add one");
        return;
    };
    expect(
        report,
        stack,
        &vpc,
        "EnableDnsSupport",
        "true",
        "nothing would find anything by its name",
    );
    expect(
        report,
        stack,
        &vpc,
        "EnableDnsHostnames",
        "true",
        "load balancers would have no names inside the network",
    );
    let subnets: Vec<Resource<'_>> = stack.of_type("AWS::EC2::Subnet").collect();
    for subnet in &subnets {
        way_out(stack, subnet, report);
    }
    for (property, what) in [
        ("AvailabilityZone", "zone"),
        ("CidrBlock", "block of addresses"),
    ] {
        for (index, subnet) in subnets.iter().enumerate() {
            let same = |other: &&Resource<'_>| other.text(property) == subnet.text(property);
            if let Some(other) = subnets[..index].iter().find(same) {
                report.add(stack.index, subnet.line_of(property), format!("{} has the same {what} as {}", subnet.id, other.id), format!("choose another {property}: a load balancer wants two zones, and addresses belong to one subnet"));
            }
        }
    }
    listed(stack, &subnets, report);
}

/// The subnet's route table leads to an internet gateway that is attached by then.
fn way_out(stack: &Stack<'_>, subnet: &Resource<'_>, report: &mut Report<'_>) {
    let own = format!("${{{}}}", subnet.id);
    let association = stack
        .of_type("AWS::EC2::SubnetRouteTableAssociation")
        .find(|association| association.text("SubnetId").as_deref() == Some(&own));
    let Some(association) = association else {
        // A second association of another subnet is probably the one that was meant.
        let all: Vec<Resource<'_>> = stack
            .of_type("AWS::EC2::SubnetRouteTableAssociation")
            .collect();
        let twice = all.iter().enumerate().find(|(index, one)| {
            all[..*index]
                .iter()
                .any(|other| other.text("SubnetId") == one.text("SubnetId"))
        });
        let line = twice.map_or(subnet.line, |(_, one)| one.line_of("SubnetId"));
        report.add(
            stack.index,
            line,
            format!(
                "{} has no route table: what runs there reaches nothing outside",
                subnet.id
            ),
            format!(
                "give it an AWS::EC2::SubnetRouteTableAssociation with SubnetId: !Ref {}",
                subnet.id
            ),
        );
        return;
    };
    let table = association.text("RouteTableId");
    let route = stack.of_type("AWS::EC2::Route").find(|route| {
        route.text("RouteTableId") == table
            && route.text("DestinationCidrBlock").as_deref() == Some("0.0.0.0/0")
    });
    let Some(route) = route else {
        let near = stack.first("AWS::EC2::Route");
        let line = near.map_or(association.line, |route| {
            route.line_of("DestinationCidrBlock")
        });
        report.add(stack.index, line, format!("there is no route to everywhere from {}", subnet.id), "add an AWS::EC2::Route with DestinationCidrBlock: 0.0.0.0/0 and GatewayId to its route table");
        return;
    };
    attached(stack, &route, report);
}

/// The route's gateway is attached to the VPC before the route is made.
fn attached(stack: &Stack<'_>, route: &Resource<'_>, report: &mut Report<'_>) {
    let Some((gateway, _)) = route.get("GatewayId").and_then(|node| stack.target(node)) else {
        report.add(
            stack.index,
            route.line,
            format!("{} leads to no internet gateway", route.id),
            "write GatewayId: !Ref <the internet gateway>",
        );
        return;
    };
    let of_gateway = |attachment: &Resource<'_>| {
        attachment.text("InternetGatewayId") == Some(format!("${{{}}}", gateway.id))
    };
    let Some(attachment) = stack
        .of_type("AWS::EC2::VPCGatewayAttachment")
        .find(of_gateway)
    else {
        report.add(
            stack.index,
            gateway.line,
            format!("{} is attached to no VPC", gateway.id),
            "add an AWS::EC2::VPCGatewayAttachment",
        );
        return;
    };
    let waits = route.node.get("DependsOn").is_some_and(|node| {
        node.one_or_many()
            .iter()
            .any(|item| shown(item) == attachment.id)
    });
    if !waits {
        report.add(
            stack.index,
            route.line,
            format!(
                "{} does not wait for {}: AWS refuses a route to a gateway that is not attached",
                route.id, attachment.id
            ),
            format!("write DependsOn: {}", attachment.id),
        );
    }
}

/// The other stacks are told of every subnet.
fn listed(stack: &Stack<'_>, subnets: &[Resource<'_>], report: &mut Report<'_>) {
    let Some(output) = stack.root.at("Outputs.SubnetIds.Value") else {
        return;
    };
    let ids: Vec<String> = subnets
        .iter()
        .map(|subnet| format!("${{{}}}", subnet.id))
        .collect();
    if subnets.len() < 2 || shown(output) != ids.join(",") {
        report.add(stack.index, output.line, format!("the output SubnetIds is `{}`; a load balancer needs both subnets, separated by commas", shown(output)), "write !Join [\",\", [!Ref PublicSubnetA, !Ref PublicSubnetB]]");
    }
}
