//! What a team would change about the templates, each with nothing wrong: changes of several lines, in several places.

use std::fs;

use super::workspace::Workspace;

/// A title, and what stands where, exactly once, with what stands there instead.
type Variation = (
    &'static str,
    &'static [(&'static str, &'static str, &'static str)],
);

const VARIATIONS: &[Variation] = &[
    (
        "HTTPS with a certificate, and a redirect from port 80",
        &[
            (
                "templates/fargate.yaml.tera",
                "      Port: 80
      Protocol: HTTP
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref TargetGroup}]
",
                "      Port: 443
      Protocol: HTTPS
      SslPolicy: ELBSecurityPolicy-TLS13-1-2-2021-06
      Certificates: [{CertificateArn: !Sub \"arn:${AWS::Partition}:acm:${AWS::Region}:${AWS::AccountId}:certificate/0f0f0f0f-0000-4000-8000-000000000000\"}]
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref TargetGroup}]

  Redirect:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref LoadBalancer
      Port: 80
      Protocol: HTTP
      DefaultActions:
        - Type: redirect
          RedirectConfig: {Protocol: HTTPS, Port: \"443\", StatusCode: HTTP_301}
",
            ),
            (
                "templates/fargate.yaml.tera",
                "          Description: HTTP
",
                "          Description: HTTP
        - IpProtocol: tcp
          FromPort: 443
          ToPort: 443
          CidrIp: {% if service.public is given %}0.0.0.0/0{% else %}{{ stage.vpc_cidr | yaml }}{% endif %}
          Description: HTTPS
",
            ),
            (
                "templates/fargate.yaml.tera",
                "!Sub \"http://${LoadBalancer.DNSName}\"",
                "!Sub \"https://${LoadBalancer.DNSName}\"",
            ),
            // Nothing calls a load balancer on port 80 any more.
            (
                "templates/ecs.tera",
                "Description: AWS and other services by HTTPS}
        - {IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0, Description: Load balancers of other services}",
                "Description: AWS and other services by HTTPS}",
            ),
        ],
    ),
    (
        "a container beside the service's own",
        &[(
            "templates/ecs.tera",
            "      ContainerDefinitions:
",
            "      ContainerDefinitions:
        - Name: collector
          Image: public.ecr.aws/aws-observability/aws-otel-collector@sha256:0000000000000000000000000000000000000000000000000000000000000000
          Essential: false
          LogConfiguration:
            LogDriver: awslogs
            Options: {awslogs-group: !Ref LogGroup, awslogs-region: !Ref AWS::Region, awslogs-stream-prefix: collector}
",
        )],
    ),
    (
        "a second role, for something else",
        &[(
            "templates/fargate.yaml.tera",
            "Resources:
",
            "Resources:
  NightlyRole:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: \"2012-10-17\"
        Statement:
          - Effect: Allow
            Principal: {Service: scheduler.amazonaws.com}
            Action: sts:AssumeRole
            Condition: {StringEquals: {\"aws:SourceAccount\": !Ref AWS::AccountId}}
      Policies:
        - PolicyName: nightly
          PolicyDocument:
            Version: \"2012-10-17\"
            Statement: [{Effect: Allow, Action: sns:Publish, Resource: !Sub \"arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:nightly\"}]
",
        )],
    ),
    (
        "a second table, which is only read",
        &[
            (
                "templates/fargate.yaml.tera",
                "Resources:
",
                "Resources:
  Cities:
    Type: AWS::DynamoDB::Table
    {{ <keep/> }}
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: name, AttributeType: S}]
      KeySchema: [{AttributeName: name, KeyType: HASH}]
      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}
  CitiesPolicy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: cities
      Roles: [!Ref TaskRole]
      PolicyDocument:
        Version: \"2012-10-17\"
        Statement: [{Effect: Allow, Action: [\"dynamodb:GetItem\", \"dynamodb:Query\"], Resource: !GetAtt Cities.Arn}]
",
            ),
            (
                "templates/ecs.tera",
                "          Environment:
{%- set names",
                "          Environment:
            - {Name: CITIES_TABLE, Value: !Ref Cities}
{%- set names",
            ),
        ],
    ),
    (
        "logs that are kept when the stage goes, protected or not",
        &[(
            "templates/ecs.tera",
            "    Type: AWS::Logs::LogGroup
    {{ <keep/> }}
",
            "    Type: AWS::Logs::LogGroup
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
",
        )],
    ),
    (
        "a retention that a mapping says",
        &[
            (
                "templates/fargate.yaml.tera",
                "Resources:
",
                "Mappings:
  Days:
    us-west-2: {logs: 30}
    us-east-1: {logs: 365}

Resources:
",
            ),
            (
                "templates/ecs.tera",
                "RetentionInDays: {{ stage.log_retention_days | yaml }}",
                "RetentionInDays: !FindInMap [Days, !Ref AWS::Region, logs]",
            ),
        ],
    ),
    (
        "sizes and retention by a condition and a mapping",
        &[
            (
                "templates/fargate.yaml.tera",
                "Resources:
",
                "Conditions:
  Big: !Equals [!Ref AWS::Region, us-east-1]

Mappings:
  Size:
    small: {cpu: \"256\", memory: \"512\"}

Resources:
",
            ),
            (
                "templates/ecs.tera",
                "RetentionInDays: {{ stage.log_retention_days | yaml }}",
                "RetentionInDays: !If [Big, 30, 7]",
            ),
            (
                "templates/ecs.tera",
                "Cpu: \"{{ service.cpu | yaml }}\"",
                "Cpu: !FindInMap [Size, small, cpu]",
            ),
            (
                "templates/ecs.tera",
                "Memory: \"{{ service.memory_mib | yaml }}\"",
                "Memory: !FindInMap [Size, small, memory]",
            ),
            (
                "templates/ecs.tera",
                "DesiredCount: 1",
                "DesiredCount: {% if service.data_path is given %}1{% else %}!If [Big, 2, 1]{% endif %}",
            ),
        ],
    ),
    (
        "private subnets with a NAT gateway",
        &[
            (
                "templates/network.yaml.tera",
                "  # A route to a gateway that is not attached yet",
                "  NatAddress:
    Type: AWS::EC2::EIP
    DependsOn: InternetGatewayAttachment
    Properties: {Domain: vpc}
  NatGateway:
    Type: AWS::EC2::NatGateway
    Properties: {AllocationId: !GetAtt NatAddress.AllocationId, SubnetId: !Ref PublicSubnetA}
  PrivateRouteTable:
    Type: AWS::EC2::RouteTable
    Properties: {VpcId: !Ref Vpc}
  PrivateRoute:
    Type: AWS::EC2::Route
    Properties: {RouteTableId: !Ref PrivateRouteTable, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: !Ref NatGateway}
{%- for zone in [\"A\", \"B\"] %}
  PrivateSubnet{{ zone | parameter }}:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      AvailabilityZone: !Select [{{ loop.index0 | yaml }}, !GetAZs \"\"]
      CidrBlock: !Select [{{ (loop.index0 + 2) | yaml }}, !Cidr [!GetAtt Vpc.CidrBlock, 4, 8]]
  PrivateSubnet{{ zone | parameter }}Routes:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {SubnetId: !Ref PrivateSubnet{{ zone | parameter }}, RouteTableId: !Ref PrivateRouteTable}
{%- endfor %}

  # A route to a gateway that is not attached yet",
            ),
            (
                "templates/network.yaml.tera",
                "Outputs:
",
                "Outputs:
  PrivateSubnetIds:
    Description: The private subnets
    Value: !Join [\",\", [!Ref PrivateSubnetA, !Ref PrivateSubnetB]]
",
            ),
        ],
    ),
];

#[test]
fn a_valid_variation_is_taken() {
    let workspace = Workspace::new();
    let mut refused = Vec::new();
    for (title, changes) in VARIATIONS {
        let mut before = Vec::new();
        for (file, from, to) in *changes {
            let path = workspace.path().join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(text.matches(from).count(), 1, "{title}: {file}: {from}");
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
            before.push((path, text));
        }
        let told = workspace.check();
        for (path, text) in before.into_iter().rev() {
            fs::write(path, text).unwrap();
        }
        if told.matches("no problem found").count() != 3 {
            refused.push(format!("= {title}\n{told}"));
        }
    }
    let (count, all) = (refused.len(), VARIATIONS.len());
    assert!(
        refused.is_empty(),
        "{count} of {all}:\n{}",
        refused.join("\n")
    );
}
