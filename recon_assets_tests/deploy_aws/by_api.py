"""Resources that moto's CloudFormation lacks, or of which it forgets most, made through the service's own API.

It has the properties that the stack resolved, and boto3's models of parameters refuse what AWS would not understand.
What CloudFormation calls otherwise than the API is translated here, as the documents of the resource say.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from moto.cloudformation import parsing
from moto.core.common_models import CloudFormationModel

from recon_assets_tests.deploy_aws.stacks import Cloud

Properties = dict[str, Any]
Made = tuple[str, Mapping[str, str]]
"""What `Ref` gives, and what `GetAtt` gives by name."""


def teach_moto(cloud: Cloud) -> None:
    """Let moto's CloudFormation make what it does not know."""

    def of_api(kind: str, make: Callable[[Cloud, Properties], Made]) -> type[CloudFormationModel]:
        class OfApi(CloudFormationModel):
            def __init__(self, made: Made) -> None:
                self.physical_resource_id, self._attributes = made

            @staticmethod
            def cloudformation_name_type() -> str:
                return "Name"

            @staticmethod
            def cloudformation_type() -> str:
                return kind

            @classmethod
            def create_from_cloudformation_json(
                cls, resource_name: str, cloudformation_json: Any, *_: Any, **__: Any
            ) -> Any:
                return cls(make(cloud, cloudformation_json["Properties"]))

            @classmethod
            def has_cfn_attr(cls, attr: str) -> bool:
                return True

            def get_cfn_attribute(self, attribute_name: str) -> str:
                return self._attributes[attribute_name]

        return OfApi

    for kind, make in BY_API.items():
        parsing.get_model_map()[kind] = of_api(kind, make)


def _secret(cloud: Cloud, said: Properties) -> Made:
    secrets = cloud.client("secretsmanager")
    text = said.get("SecretString")
    if generate := said.get("GenerateSecretString"):
        password = secrets.get_random_password(
            PasswordLength=generate["PasswordLength"], ExcludePunctuation=generate["ExcludePunctuation"]
        )["RandomPassword"]
        text = json.dumps(json.loads(generate["SecretStringTemplate"]) | {generate["GenerateStringKey"]: password})
    made = secrets.create_secret(
        Name=said["Name"], Description=said["Description"], KmsKeyId=said["KmsKeyId"], SecretString=text
    )
    return made["ARN"], {}


def _bucket_policy(cloud: Cloud, said: Properties) -> Made:
    cloud.client("s3").put_bucket_policy(Bucket=said["Bucket"], Policy=json.dumps(said["PolicyDocument"]))
    return said["Bucket"], {}


def _topic_policy(cloud: Cloud, said: Properties) -> Made:
    for topic in said["Topics"]:
        cloud.client("sns").set_topic_attributes(
            TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(said["PolicyDocument"])
        )
    return "policy", {}


def _alarm(cloud: Cloud, said: Properties) -> Made:
    cloud.client("cloudwatch").put_metric_alarm(**said)
    return said["AlarmName"], {}


def _namespace(cloud: Cloud, said: Properties) -> Made:
    names = cloud.client("servicediscovery")
    names.create_private_dns_namespace(**said)
    (made,) = [found for found in names.list_namespaces()["Namespaces"] if found["Name"] == said["Name"]]
    return made["Id"], {"Arn": made["Arn"]}


def _name(cloud: Cloud, said: Properties) -> Made:
    made = cloud.client("servicediscovery").create_service(**said)["Service"]
    return made["Id"], {"Arn": made["Arn"]}


def _subnet_group(cloud: Cloud, said: Properties) -> Made:
    cloud.client("rds").create_db_subnet_group(**said)
    return said["DBSubnetGroupName"], {}


def _parameter_group(cloud: Cloud, said: Properties) -> Made:
    rds, name = cloud.client("rds"), "recon-settings"
    rds.create_db_parameter_group(
        DBParameterGroupName=name, DBParameterGroupFamily=said["Family"], Description=said["Description"]
    )
    given = [
        {"ParameterName": key, "ParameterValue": value, "ApplyMethod": "pending-reboot"}
        for key, value in said["Parameters"].items()
    ]
    rds.modify_db_parameter_group(DBParameterGroupName=name, Parameters=given)
    return name, {}


def _database(cloud: Cloud, said: Properties) -> Made:
    said = {"VpcSecurityGroupIds" if key == "VPCSecurityGroups" else key: value for key, value in said.items()}
    said.pop("DeleteAutomatedBackups")  # the API asks for it when an instance is deleted
    made = cloud.client("rds").create_db_instance(**said)["DBInstance"]
    return said["DBInstanceIdentifier"], {"Endpoint.Address": made["Endpoint"]["Address"]}


def _load_balancer(cloud: Cloud, said: Properties) -> Made:
    balancers = cloud.client("elbv2")
    attributes = said.pop("LoadBalancerAttributes")
    (made,) = balancers.create_load_balancer(**said)["LoadBalancers"]
    balancers.modify_load_balancer_attributes(LoadBalancerArn=made["LoadBalancerArn"], Attributes=attributes)
    full_name = made["LoadBalancerArn"].partition(":loadbalancer/")[2]
    return made["LoadBalancerArn"], {"LoadBalancerFullName": full_name, "DNSName": made["DNSName"]}


def _vpc(cloud: Cloud, said: Properties) -> Made:
    ec2 = cloud.client("ec2")
    tags = [{"ResourceType": "vpc", "Tags": said["Tags"]}]
    made = ec2.create_vpc(CidrBlock=said["CidrBlock"], TagSpecifications=tags)["Vpc"]["VpcId"]
    for name in ("EnableDnsHostnames", "EnableDnsSupport"):
        ec2.modify_vpc_attribute(VpcId=made, **{name: {"Value": said[name]}})
    return made, {}


def _routes_of_subnet(cloud: Cloud, said: Properties) -> Made:
    return cloud.client("ec2").associate_route_table(**said)["AssociationId"], {}


def _role(cloud: Cloud, said: Properties) -> Made:
    iam = cloud.client("iam")
    name = said.get("RoleName", "recon-flow-log")
    # roles have no region: a second deployment of the network finds the one of the first
    if name not in {role["RoleName"] for role in iam.list_roles()["Roles"]}:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(said["AssumeRolePolicyDocument"]))
    for policy in said["Policies"]:
        iam.put_role_policy(
            RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=json.dumps(policy["PolicyDocument"])
        )
    return name, {"Arn": iam.get_role(RoleName=name)["Role"]["Arn"]}


def _log_group(cloud: Cloud, said: Properties) -> Made:
    logs, name = cloud.client("logs"), said["LogGroupName"]
    logs.create_log_group(logGroupName=name, **({"kmsKeyId": said["KmsKeyId"]} if "KmsKeyId" in said else {}))
    logs.put_retention_policy(logGroupName=name, retentionInDays=said["RetentionInDays"])
    (made,) = [found for found in logs.describe_log_groups()["logGroups"] if found["logGroupName"] == name]
    return name, {"Arn": made["arn"]}


def _access_point(cloud: Cloud, said: Properties) -> Made:
    owner = {key: int(value) for key, value in said["PosixUser"].items()}
    root = said["RootDirectory"]
    creation = root["CreationInfo"]
    root = root | {
        "CreationInfo": {
            "OwnerUid": int(creation["OwnerUid"]),
            "OwnerGid": int(creation["OwnerGid"]),
            "Permissions": creation["Permissions"],
        }
    }
    made = cloud.client("efs").create_access_point(
        ClientToken="folder", FileSystemId=said["FileSystemId"], PosixUser=owner, RootDirectory=root
    )
    return made["AccessPointId"], {"Arn": made["AccessPointArn"]}


def _target_group(cloud: Cloud, said: Properties) -> Made:
    balancers = cloud.client("elbv2")
    attributes = said.pop("TargetGroupAttributes")
    (made,) = balancers.create_target_group(**said)["TargetGroups"]
    balancers.modify_target_group_attributes(TargetGroupArn=made["TargetGroupArn"], Attributes=attributes)
    return made["TargetGroupArn"], {"TargetGroupFullName": made["TargetGroupArn"].rpartition(":")[2]}


OTHERWISE: Final = {"EFSVolumeConfiguration": "efsVolumeConfiguration", "FilesystemId": "fileSystemId", "IAM": "iam"}
"""Names of CloudFormation that are not ECS's with a small first letter."""


def _as_ecs_says(part: Any) -> Any:
    if isinstance(part, dict):
        return {OTHERWISE.get(key, key[0].lower() + key[1:]): _as_ecs_says(value) for key, value in part.items()}
    return [_as_ecs_says(inner) for inner in part] if isinstance(part, list) else part


def _task_definition(cloud: Cloud, said: Properties) -> Made:
    request = _as_ecs_says(said) | {"cpu": str(said["Cpu"]), "memory": str(said["Memory"])}
    for container in request["containerDefinitions"]:
        container["memory"] = int(said["Memory"])  # moto adds up those of containers when a task starts
    made = cloud.client("ecs").register_task_definition(**request)["taskDefinition"]
    return made["taskDefinitionArn"], {}


def _service(cloud: Cloud, said: Properties) -> Made:
    made = cloud.client("ecs").create_service(**_as_ecs_says(said))["service"]
    return made["serviceArn"], {}


def _bucket(cloud: Cloud, said: Properties) -> Made:
    s3, name = cloud.client("s3"), said["BucketName"]
    s3.create_bucket(
        Bucket=name,
        ObjectLockEnabledForBucket=said.get("ObjectLockEnabled", False),
        ObjectOwnership=said["OwnershipControls"]["Rules"][0]["ObjectOwnership"],
        CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name},
    )
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=said["VersioningConfiguration"])
    if lock := said.get("ObjectLockConfiguration"):
        s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
    (encryption,) = said["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    rule = {
        "BucketKeyEnabled": encryption["BucketKeyEnabled"],
        "ApplyServerSideEncryptionByDefault": encryption["ServerSideEncryptionByDefault"],
    }
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=said["PublicAccessBlockConfiguration"])
    rules = [_lifecycle_rule(found) for found in said["LifecycleConfiguration"]["Rules"]]
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    return name, {"Arn": f"arn:aws:s3:::{name}"}


def _lifecycle_rule(said: Properties) -> Properties:
    rule = {"ID": said["Id"], "Status": said["Status"], "Filter": {"Prefix": ""}}
    if days := said.get("ExpirationInDays"):
        rule["Expiration"] = {"Days": days}
    if moves := said.get("Transitions"):
        rule["Transitions"] = [
            {"Days": move["TransitionInDays"], "StorageClass": move["StorageClass"]} for move in moves
        ]
    kept = ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
    return rule | {key: said[key] for key in kept if key in said}


BY_API: Final[Mapping[str, Callable[[Cloud, Properties], Made]]] = {
    "AWS::SecretsManager::Secret": _secret,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::ServiceDiscovery::PrivateDnsNamespace": _namespace,
    "AWS::ServiceDiscovery::Service": _name,
    "AWS::EC2::VPC": _vpc,
    "AWS::EC2::SubnetRouteTableAssociation": _routes_of_subnet,
    "AWS::IAM::Role": _role,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::EFS::AccessPoint": _access_point,
    "AWS::ECS::TaskDefinition": _task_definition,
    "AWS::ECS::Service": _service,
    "AWS::S3::Bucket": _bucket,
    "AWS::RDS::DBSubnetGroup": _subnet_group,
    "AWS::RDS::DBParameterGroup": _parameter_group,
    "AWS::RDS::DBInstance": _database,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _load_balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _target_group,
}
