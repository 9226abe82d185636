//! A Lambda function with its URL: what runs, where its code comes from, and that only signed calls come in.

use super::Origin;
use super::expect::{environment, expect};
use super::model::{Model, Resource, Stack};
use super::report::Report;
use facts::Service;

pub(crate) fn check(model: &Model<'_>, report: &mut Report<'_>) {
    for (stack, service) in model.of_services() {
        let Some(function) = stack.first("AWS::Lambda::Function") else {
            continue;
        };
        program(stack, service, &function, report);
        variables(model, stack, service, &function, report);
        url(stack, &function, report);
    }
}

fn program(stack: &Stack<'_>, service: &Service, function: &Resource<'_>, report: &mut Report<'_>) {
    let mut wanted =
        |path: &str, value: &str, why: &str| expect(report, stack, function, path, value, why);
    wanted(
        "Runtime",
        "provided.al2023",
        "the program brings its own runtime",
    );
    wanted(
        "Architectures",
        "arm64",
        "programs are compiled for 64-bit Arm",
    );
    wanted("Handler", "bootstrap", "that is the file in the zip");
    wanted(
        "MemorySize",
        &service.memory_mib.to_string(),
        "the manifest says otherwise",
    );
    wanted(
        "Timeout",
        &service.timeout_seconds.to_string(),
        "the manifest says otherwise",
    );
    wanted("LoggingConfig.LogFormat", "JSON", "the program writes JSON");
    for (path, origin, what) in [
        ("Code.S3Bucket", Origin::CodeBucket, "bucket"),
        ("Code.S3Key", Origin::CodeKey, "zip"),
    ] {
        let parameter = stack
            .given
            .inputs
            .iter()
            .find(|(_, other)| *other == origin);
        if let Some((name, _)) = parameter {
            expect(
                report,
                stack,
                function,
                path,
                &format!("${{{name}}}"),
                &format!("the deploy says which {what} in {name}"),
            );
        }
    }
    let group = stack
        .first("AWS::Logs::LogGroup")
        .map_or("LogGroup", |group| group.id);
    expect(
        report,
        stack,
        function,
        "LoggingConfig.LogGroup",
        &format!("${{{group}}}"),
        "otherwise Lambda makes a group of its own, which keeps its logs for ever",
    );
}

fn variables(
    model: &Model<'_>,
    stack: &Stack<'_>,
    service: &Service,
    function: &Resource<'_>,
    report: &mut Report<'_>,
) {
    let found = function.variables("Environment.Variables");
    for (name, _, line) in &found {
        if name.starts_with("AWS_") || name == "_HANDLER" || name == "LAMBDA_TASK_ROOT" {
            report.add(
                stack.index,
                *line,
                format!("{name} is a name that Lambda keeps for itself"),
                "call it something else",
            );
        }
    }
    environment(
        report,
        model,
        stack,
        service,
        function.line_of("Environment.Variables"),
        &found,
    );
}

fn url(stack: &Stack<'_>, function: &Resource<'_>, report: &mut Report<'_>) {
    let Some(url) = stack.first("AWS::Lambda::Url") else {
        return;
    };
    expect(
        report,
        stack,
        &url,
        "AuthType",
        "AWS_IAM",
        "anyone could call the function, and spend its money",
    );
    expect(
        report,
        stack,
        &url,
        "InvokeMode",
        "BUFFERED",
        "the program answers whole responses",
    );
    if let Some((target, _)) = url
        .get("TargetFunctionArn")
        .and_then(|node| stack.target(node))
        && target.id != function.id
    {
        report.add(
            stack.index,
            url.line_of("TargetFunctionArn"),
            format!("{} is the URL of {}", url.id, target.id),
            format!("write !GetAtt {}.Arn", function.id),
        );
    }
    for permission in stack.of_type("AWS::Lambda::Permission") {
        if permission.text("Principal").as_deref() == Some("*") {
            report.add(
                stack.index,
                permission.line_of("Principal"),
                format!("{} lets anyone call the function", permission.id),
                "remove it: a caller's own role says what it may call",
            );
        }
    }
}
