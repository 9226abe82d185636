//! The network: two subnets in two zones, and a way out of each.

use super::blocks::{self, Block};
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
    apart(stack, &subnets, report);
    listed(stack, &subnets, report);
}

/// No address belongs to two subnets.
fn apart(stack: &Stack<'_>, subnets: &[Resource<'_>], report: &mut Report<'_>) {
    let blocks: Vec<Option<Block>> = subnets
        .iter()
        .map(|subnet| blocks::of(stack, subnet.get("CidrBlock")?))
        .collect();
    for (index, subnet) in subnets.iter().enumerate() {
        let same = |other: &usize| {
            let written = subnets[*other].text("CidrBlock") == subnet.text("CidrBlock");
            let overlap = match (&blocks[*other], &blocks[index]) {
                (Some(one), Some(other)) => one.overlaps(other),
                _ => false,
            };
            written || overlap
        };
        let Some(other) = (0..index).find(same) else {
            continue;
        };
        let (own, others) = (
            subnet.text("CidrBlock").unwrap_or_default(),
            subnets[other].text("CidrBlock").unwrap_or_default(),
        );
        let text = match own == others {
            true => format!(
                "{} has the same block of addresses as {}",
                subnet.id, subnets[other].id
            ),
            false => format!(
                "{} has addresses of {}: {own} and {others} overlap",
                subnet.id, subnets[other].id
            ),
        };
        report.add(
            stack.index,
            subnet.line_of("CidrBlock"),
            text,
            "choose another CidrBlock: addresses belong to one subnet",
        );
    }
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
    if let Some((nat, _)) = route
        .get("NatGatewayId")
        .and_then(|node| stack.target(node))
    {
        return through_nat(stack, subnet, &nat, report);
    }
    attached(stack, &route, report);
}

/// A NAT gateway needs a way out of its own, which it has not through itself.
fn through_nat(
    stack: &Stack<'_>,
    subnet: &Resource<'_>,
    nat: &Resource<'_>,
    report: &mut Report<'_>,
) {
    let own = format!("${{{}}}", subnet.id);
    if nat.text("SubnetId").as_deref() == Some(&own) {
        report.add(
            stack.index,
            nat.line_of("SubnetId"),
            format!(
                "{} is in {}, whose way out it is: nothing gets out",
                nat.id, subnet.id
            ),
            "put it into a subnet with a route to an internet gateway",
        );
    }
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

/// The other stacks are told of subnets in two zones.
fn listed(stack: &Stack<'_>, subnets: &[Resource<'_>], report: &mut Report<'_>) {
    let Some(output) = stack.root.at("Outputs.SubnetIds.Value") else {
        return;
    };
    let shown = shown(output);
    let find = |id: &str| {
        let mut subnets = subnets.iter();
        subnets.find(|subnet| format!("${{{}}}", subnet.id) == id)
    };
    let listed: Vec<Option<&Resource<'_>>> = shown.split(',').map(find).collect();
    let known: Vec<&Resource<'_>> = listed.iter().flatten().copied().collect();
    if known.len() < 2 || known.len() < listed.len() {
        report.add(stack.index, output.line, format!("the output SubnetIds is `{shown}`; a load balancer needs both subnets, separated by commas"), "write !Join [\",\", [!Ref PublicSubnetA, !Ref PublicSubnetB]]");
    }
    let zone = |subnet: &Resource<'_>| {
        let by_name = subnet.text("AvailabilityZone");
        by_name.or_else(|| subnet.text("AvailabilityZoneId"))
    };
    for (index, subnet) in known.iter().enumerate() {
        let same = |other: &&&Resource<'_>| other.id != subnet.id && zone(other) == zone(subnet);
        if let Some(other) = known[..index].iter().find(same) {
            report.add(
                stack.index,
                subnet.line_of("AvailabilityZone"),
                format!("{} has the same zone as {}", subnet.id, other.id),
                "choose another AvailabilityZone: a load balancer wants two zones",
            );
        }
    }
}

/// True when everything that the other stacks are told of gets out through a NAT gateway, without an address of its own.
pub(crate) fn is_behind_nat(model: &Model<'_>) -> bool {
    let Some(stack) = model.stack("network") else {
        return false;
    };
    let output = stack.root.at("Outputs.SubnetIds.Value");
    let listed = output.map(shown).unwrap_or_default();
    !listed.is_empty()
        && listed.split(',').all(|id| {
            let associations = stack.of_type("AWS::EC2::SubnetRouteTableAssociation");
            let tables = associations.filter(|one| one.text("SubnetId").as_deref() == Some(id));
            let mut tables = tables.filter_map(|one| one.text("RouteTableId"));
            tables.any(|table| {
                let mut routes = stack.of_type("AWS::EC2::Route");
                routes.any(|route| {
                    route.text("RouteTableId").as_deref() == Some(&table)
                        && route.get("NatGatewayId").is_some()
                })
            })
        })
}
