# The role of the server, with what it needs in its own account.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  iam = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"
}

data "aws_iam_policy_document" "instances_of_ec2" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "server" {
  dynamic "statement" {
    for_each = var.look_up_principals ? [1] : []

    content {
      sid       = "LookUpPrincipals"
      actions   = ["iam:GetRole", "iam:GetUser"]
      resources = ["${local.iam}:role/*", "${local.iam}:user/*"]
    }
  }

  dynamic "statement" {
    for_each = var.look_up_instances ? [1] : []

    content {
      sid       = "DescribeInstances"
      actions   = ["ec2:DescribeInstances"]
      resources = ["*"]
    }
  }

  dynamic "statement" {
    for_each = var.look_up_instances ? [1] : []

    content {
      sid       = "LookUpInstanceProfiles"
      actions   = ["iam:GetInstanceProfile"]
      resources = ["${local.iam}:instance-profile/*"]
    }
  }

  dynamic "statement" {
    for_each = var.look_up_organization ? [1] : []

    content {
      sid       = "LookUpAccounts"
      actions   = ["organizations:DescribeAccount"]
      resources = ["arn:${data.aws_partition.current.partition}:organizations::*:account/*"]
    }
  }

  dynamic "statement" {
    for_each = length(var.other_accounts) > 0 ? [1] : []

    content {
      sid       = "ActInOtherAccounts"
      actions   = ["sts:AssumeRole"]
      resources = var.other_accounts
    }
  }
}

resource "aws_iam_role" "server" {
  name               = var.name
  assume_role_policy = var.server_trust_policy != "" ? var.server_trust_policy : data.aws_iam_policy_document.instances_of_ec2.json
}

resource "aws_iam_role_policy" "server" {
  name   = "auth-aws"
  role   = aws_iam_role.server.id
  policy = data.aws_iam_policy_document.server.json
}

# Instances take a role through a profile.
resource "aws_iam_instance_profile" "server" {
  name = var.name
  role = aws_iam_role.server.name
}

output "role_arn" {
  description = "Principal of the server, for the trust policies of other accounts."
  value       = aws_iam_role.server.arn
}
