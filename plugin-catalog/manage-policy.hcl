# What plugin-catalog/manage.py asks a server for. Who has this decides which program the server runs.

path "sys/plugins/catalog" {
  capabilities = ["read"]
}

path "sys/plugins/catalog/auth/aws" {
  capabilities = ["create", "read", "update", "delete", "sudo"]
}

# bao and older ones of vault ask the first, newer ones of vault the second.
path "sys/plugins/reload/backend" {
  capabilities = ["update", "sudo"]
}

path "sys/plugins/reload/unknown/aws" {
  capabilities = ["update", "sudo"]
}

path "sys/auth" {
  capabilities = ["read"]
}

path "sys/mounts/auth/aws/tune" {
  capabilities = ["update"]
}

# register --enable alone needs this one.
path "sys/auth/aws" {
  capabilities = ["create", "update", "sudo"]
}

path "auth/aws/status/aws" {
  capabilities = ["read"]
}

path "auth/aws/role" {
  capabilities = ["list"]
}

path "auth/aws/role/" {
  capabilities = ["list"]
}
