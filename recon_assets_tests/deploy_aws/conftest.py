"""The whole deployment at moto, once for all tests here.

cloud    every stack, deployed in its order
"""

import pytest

from recon_assets_tests.deploy_aws.by_api import teach_moto
from recon_assets_tests.deploy_aws.stacks import Cloud


@pytest.fixture(scope="session")
def cloud(moto_url: str) -> Cloud:
    deployed = Cloud(moto_url)
    teach_moto(deployed)
    deployed.deploy_all()
    return deployed
