variable "name" {
  description = "Name of the role that the server runs with."
  type        = string
  default     = "vault-server"
}

variable "server_trust_policy" {
  description = "Who may take the server's role, as JSON; by default EC2 instances."
  type        = string
  default     = ""
}

variable "look_up_principals" {
  description = "Roles with bound_iam_principal_arn resolve unique ids, or have a wildcard."
  type        = bool
  default     = true
}

variable "look_up_instances" {
  description = "Roles infer instances, or have the type ec2."
  type        = bool
  default     = false
}

variable "other_accounts" {
  description = "Roles in other accounts that config/sts names: their ARNs."
  type        = list(string)
  default     = []
}

variable "look_up_organization" {
  description = "Roles bind organizations or their units; this account manages the organization, or was delegated to."
  type        = bool
  default     = false
}
