# The plugin in the catalog, a mount of it, and its roles. The file must be in the plugin directory of every node.
# Upgrading a mount: a new version and sha256 here register it; then manage.py upgrade brings the mount to it, as
# Terraform neither reloads a plugin nor looks whether it answers.

terraform {
  required_version = ">= 1.5"

  required_providers {
    vault = {
      source  = "hashicorp/vault"
      version = ">= 5.0"
    }
  }
}

variable "plugin_version" {
  description = "Version with its v."
  type        = string
  default     = "v0.1.0"
}

variable "plugin_sha256" {
  description = "Checksum of the binary, as SHA256SUMS has it."
  type        = string

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.plugin_sha256))
    error_message = "64 hexadecimal digits in lower case."
  }
}

variable "server_id" {
  description = "What clients sign as X-Vault-AWS-IAM-Server-ID; keeps logins for other servers out."
  type        = string
}

variable "other_accounts" {
  description = "Roles in other accounts, by account id."
  type        = map(object({ sts_role = string, external_id = string }))
  default     = {}
}

variable "roles" {
  description = "Who may log in as what."
  type        = map(object({ principals = list(string), policies = list(string) }))
  default     = {}
}

resource "vault_plugin" "aws" {
  type    = "auth"
  name    = "aws"
  version = var.plugin_version
  command = "vault-plugin-auth-aws-${trimprefix(var.plugin_version, "v")}"
  sha256  = var.plugin_sha256
}

resource "vault_auth_backend" "aws" {
  type = vault_plugin.aws.name
  path = "aws"
}

# The server's own credentials come from its environment: no key of AWS gets into the state.
resource "vault_aws_auth_backend_client" "aws" {
  backend                    = vault_auth_backend.aws.path
  iam_server_id_header_value = var.server_id
}

resource "vault_aws_auth_backend_sts_role" "aws" {
  for_each = var.other_accounts

  backend     = vault_auth_backend.aws.path
  account_id  = each.key
  sts_role    = each.value.sts_role
  external_id = each.value.external_id
}

resource "vault_aws_auth_backend_role" "aws" {
  for_each = var.roles

  backend                  = vault_auth_backend.aws.path
  role                     = each.key
  auth_type                = "iam"
  bound_iam_principal_arns = each.value.principals
  token_policies           = each.value.policies
  token_ttl                = 3600

  depends_on = [vault_aws_auth_backend_client.aws, vault_aws_auth_backend_sts_role.aws]
}

# What the provider has no resource or field for. It writes; what others write to the same fields it does not see.
resource "vault_generic_endpoint" "identity" {
  path                 = "auth/${vault_auth_backend.aws.path}/config/identity"
  disable_delete       = true
  disable_read         = true
  ignore_absent_fields = true

  data_json = jsonencode({ iam_alias = "unique_id" })
}
