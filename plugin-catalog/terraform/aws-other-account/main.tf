# The role in another account through which the server looks into it: for config/sts. Applied with that account's
# credentials.

variable "name" {
  description = "Name of the role."
  type        = string
  default     = "vault-lookup"
}

variable "server_role_arn" {
  description = "Principal of the server: role_arn of ../aws."
  type        = string
}

variable "external_id" {
  description = "external_id of config/sts."
  type        = string
}

variable "look_up_instances" {
  description = "Roles infer instances of this account, or have the type ec2."
  type        = bool
  default     = false
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  iam = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "TheServerOfTheOtherAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [var.server_role_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

data "aws_iam_policy_document" "lookup" {
  statement {
    sid       = "LookUpPrincipals"
    actions   = ["iam:GetRole", "iam:GetUser"]
    resources = ["${local.iam}:role/*", "${local.iam}:user/*"]
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
}

resource "aws_iam_role" "lookup" {
  name               = var.name
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "lookup" {
  name   = "auth-aws"
  role   = aws_iam_role.lookup.id
  policy = data.aws_iam_policy_document.lookup.json
}

output "sts_role" {
  description = "sts_role of config/sts."
  value       = aws_iam_role.lookup.arn
}
