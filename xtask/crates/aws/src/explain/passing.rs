//! Failures that pass by themselves: AWS makes a role for a service when an account uses it for the first time, and IAM needs a
//! moment for that.
//!
//! Elastic Load Balancing, Lambda and DynamoDB are not here: nobody reports such a failure of them. What they say without the
//! permission to make a role is in `access.rs`.

/// Words that are all in the reason, and what passes.
const PASSING: &[(&[&str], &str)] = &[
    // ECS makes its role within CreateCluster and assumes it at once: aws/containers-roadmap#2614 (open), and
    // aws-cloudformation/cloudformation-coverage-roadmap#818: "Recreating the stack succeeds".
    (
        &["unable to assume the service linked role"],
        "the account uses ECS for the first time, and the role that ECS makes for itself is not known everywhere yet",
    ),
    // aws-samples/sample-autonomous-cloud-coding-agents#875. It is called ServiceLimitExceeded, and is no quota.
    (
        &["failed creating service linked role", "rate limit exceeded"],
        "the account uses AgentCore for the first time, and IAM was too busy to make the role that AgentCore wants",
    ),
];

/// Why the same request may succeed in a moment; none when it would fail again.
pub fn passing(reason: &str) -> Option<&'static str> {
    let lower = reason.to_lowercase();
    let found = PASSING
        .iter()
        .find(|(words, _)| words.iter().all(|word| lower.contains(word)))?;
    Some(found.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_and_what_does_not() {
        // As the threads above have them.
        let cluster = "Invalid request provided: CreateCluster Invalid Request: Unable to assume the service linked role. Please verify that the ECS service linked role exists.";
        let busy = "Limit exceeded for resource of type 'AWS::BedrockAgentCore::Runtime'. Reason: Failed creating service linked role. Rate limit exceeded from IAM (ServiceLimitExceeded)";
        // aws-samples/generative-ai-use-cases PR 1327.
        let forbidden = "Failed creating service linked role. Please verify that the calling role has sufficient permissions to create a service linked role.";
        let quota = "Limit exceeded for resource of type 'AWS::BedrockAgentCore::Runtime'. Reason: maxAgents (ServiceLimitExceeded)";
        let found = [cluster, busy, forbidden, quota].map(|text| passing(text).is_some());
        assert_eq!(found, [true, true, false, false]);
    }
}
