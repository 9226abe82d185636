//! Which changes make a resource anew, as far as that is known.

use super::Change;

/// True when the type and its changed properties are known, and none of them needs a new resource.
pub fn changes_in_place(change: &Change) -> bool {
    resource_types::find(&change.resource_type).is_some_and(|known| {
        let is_known = |name: &String| known.has_property(name);
        change.properties.iter().all(is_known) && !known.is_replaced_by(&change.properties)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Action;

    #[test]
    fn only_what_is_known_changes_in_place() {
        for (resource_type, property, in_place) in [
            ("AWS::ElasticLoadBalancingV2::Listener", "Port", true),
            (
                "AWS::ElasticLoadBalancingV2::Listener",
                "LoadBalancerArn",
                false,
            ),
            ("AWS::EC2::VPC", "EnableDnsSupport", true),
            // A new one, a property that there is not, and a type that there is not.
            ("AWS::EC2::VPC", "Ipv4IpamPoolId", false),
            ("AWS::EC2::VPC", "Nothing", false),
            ("AWS::X::Y", "Name", false),
        ] {
            let change = Change {
                action: Action::MayReplace,
                logical_id: "Thing".to_owned(),
                resource_type: resource_type.to_owned(),
                properties: vec![property.to_owned()],
            };
            assert_eq!(
                changes_in_place(&change),
                in_place,
                "{resource_type} {property}"
            );
        }
    }
}
