"""AppSpecs as AWS documents them."""

from __future__ import annotations

import json

LAMBDA_EXAMPLE = """\
version: 0.0
Resources:
  - myLambdaFunction:
      Type: AWS::Lambda::Function
      Properties:
        Name: "myLambdaFunction"
        Alias: "myLambdaFunctionAlias"
        CurrentVersion: "1"
        TargetVersion: "2"
Hooks:
  - BeforeAllowTraffic: "CodeDeployHook_before"
  - AfterAllowTraffic: "CodeDeployHook_after"
"""


ECS_EXAMPLE = """\
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: "arn:aws:ecs:us-east-1:111222333444:task-definition/my-task-definition-family-name:1"
        LoadBalancerInfo:
          ContainerName: "SampleApplicationName"
          ContainerPort: 80
# Optional properties
        PlatformVersion: "LATEST"
        NetworkConfiguration:
          AwsvpcConfiguration:
            Subnets: ["subnet-1234abcd","subnet-5678abcd"]
            SecurityGroups: ["sg-12345678"]
            AssignPublicIp: "ENABLED"
        CapacityProviderStrategy:
          - Base: 1
            CapacityProvider: "FARGATE_SPOT"
            Weight: 2
          - Base: 0
            CapacityProvider: "FARGATE"
            Weight: 1
Hooks:
  - BeforeInstall: "LambdaFunctionToValidateBeforeInstall"
  - AfterInstall: "LambdaFunctionToValidateAfterInstall"
  - AfterAllowTestTraffic: "LambdaFunctionToValidateAfterTestTrafficStarts"
  - BeforeAllowTraffic: "LambdaFunctionToValidateBeforeAllowingProductionTraffic"
  - AfterAllowTraffic: "LambdaFunctionToValidateAfterAllowingProductionTraffic"
"""


ARN = "arn:aws:ecs:us-east-1:111122223333:task-definition/web:8"


LAMBDA_STRUCTURE = """\
version: 0.0
resources:
  - orders:
      type: "AWS::Lambda::Function"
      properties:
        name: orders
        alias: live
        currentversion: 1
        targetversion: 2
hooks:
  - BeforeAllowTraffic: CodeDeployHook_before
"""


ECS_STRUCTURE = """\
version: 0.0
resources:
  - ecs-service:
      type: AWS::ECS::Service
      properties:
        taskdefinition: my_service:8
        loadbalancerinfo:
          containername: web
          containerport: 80
"""


OF_THE_CDK = json.dumps(
    {
        "version": "0.0",
        "Resources": [
            {
                "TargetService": {
                    "Type": "AWS::ECS::Service",
                    "Properties": {
                        "TaskDefinition": ARN,
                        "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80},
                        "NetworkConfiguration": {
                            "awsvpcConfiguration": {
                                "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED",
                            },
                        },
                    },
                }
            }
        ],
    }
)  # fmt: skip


OF_CODEPIPELINE = ECS_STRUCTURE.replace("my_service:8", "<TASK_DEFINITION>").replace(": 80", ": ${PORT}")
AS_DOCUMENTED = {
    "lambda example": LAMBDA_EXAMPLE,
    "lambda structure": LAMBDA_STRUCTURE,
    "ecs example": ECS_EXAMPLE,
    "ecs structure": ECS_STRUCTURE,
    "cdk": OF_THE_CDK,
    "codepipeline": OF_CODEPIPELINE,
}
