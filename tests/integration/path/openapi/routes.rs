//! The paths of the method and the ids of their operations, as its clients know them.

/// A path, and what the document says of it.
pub(super) struct Route {
    /// The path below the mount.
    pub template: &'static str,
    get: &'static str,
    post: &'static str,
    delete: &'static str,
    creates: bool,
    deprecated: bool,
}

/// The same in the terms of a document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected<'a> {
    pub template: &'a str,
    pub operations: Vec<(&'a str, &'a str)>,
    pub creates: bool,
    pub unauthenticated: bool,
    pub deprecated: bool,
}

impl Route {
    const fn new(template: &'static str) -> Self {
        Self { template, get: "", post: "", delete: "", creates: false, deprecated: false }
    }

    /// Can be read, or listed.
    const fn get(mut self, id: &'static str) -> Self {
        self.get = id;
        self
    }

    const fn post(mut self, id: &'static str) -> Self {
        self.post = id;
        self
    }

    const fn delete(mut self, id: &'static str) -> Self {
        self.delete = id;
        self
    }

    /// A write tells creating from updating.
    const fn creates(mut self) -> Self {
        self.creates = true;
        self
    }

    /// An old name of another path.
    const fn old(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// A path that the template stands for.
    pub(super) fn example(&self) -> String {
        let parts = self.template.split(['{', '}']).enumerate();
        parts.map(|(number, part)| if number % 2 == 0 { part } else { "example" }).collect()
    }

    pub(super) fn expected(&self) -> Expected<'static> {
        let all = [("get", self.get), ("post", self.post), ("delete", self.delete)];
        Expected {
            template: self.template,
            operations: all.into_iter().filter(|(_, id)| !id.is_empty()).collect(),
            creates: self.creates,
            unauthenticated: self.template == "login" || self.template.starts_with("oidc/"),
            deprecated: self.deprecated,
        }
    }
}

/// All paths.
pub(super) const ROUTES: &[Route] = &[
    Route::new("login").post("aws-login"),
    Route::new("role").get("aws-list-auth-roles"),
    Route::new("roles").get("aws-list-auth-roles2"),
    Route::new("role/{role}")
        .get("aws-read-auth-role")
        .post("aws-write-auth-role")
        .delete("aws-delete-auth-role")
        .creates(),
    Route::new("role/{role}/tag").post("aws-write-role-tag"),
    Route::new("config/client")
        .get("aws-read-client-configuration")
        .post("aws-configure-client")
        .delete("aws-delete-client-configuration")
        .creates(),
    Route::new("config/certificate/{cert_name}")
        .get("aws-read-certificate-configuration")
        .post("aws-configure-certificate")
        .delete("aws-delete-certificate-configuration")
        .creates(),
    Route::new("config/identity")
        .get("aws-read-identity-integration-configuration")
        .post("aws-configure-identity-integration"),
    Route::new("config/rotate-root").post("aws-rotate-root-credentials"),
    Route::new("config/sts/{account_id}")
        .get("aws-read-sts-role")
        .post("aws-write-sts-role")
        .delete("aws-delete-sts-role")
        .creates(),
    Route::new("config/sts").get("aws-list-sts-role-relationships"),
    Route::new("config/certificates").get("aws-list-certificate-configurations"),
    Route::new("config/tidy/roletag-denylist")
        .get("aws-read-role-tag-deny-list-tidy-settings")
        .post("aws-configure-role-tag-deny-list-tidy-operation")
        .delete("aws-delete-role-tag-deny-list-tidy-settings")
        .creates(),
    Route::new("config/tidy/roletag-blacklist")
        .get("aws-read-role-tag-blacklist-tidy-settings")
        .post("aws-configure-role-tag-blacklist-tidy-operation")
        .delete("aws-delete-role-tag-blacklist-tidy-settings")
        .creates()
        .old(),
    Route::new("config/tidy/identity-accesslist")
        .get("aws-read-identity-access-list-tidy-settings")
        .post("aws-configure-identity-access-list-tidy-operation")
        .delete("aws-delete-identity-access-list-tidy-settings")
        .creates(),
    Route::new("config/tidy/identity-whitelist")
        .get("aws-read-identity-whitelist-tidy-settings")
        .post("aws-configure-identity-whitelist-tidy-operation")
        .delete("aws-delete-identity-whitelist-tidy-settings")
        .creates()
        .old(),
    Route::new("roletag-denylist").get("aws-list-role-tag-deny-lists"),
    Route::new("roletag-blacklist").get("aws-list-role-tag-blacklists").old(),
    Route::new("roletag-denylist/{role_tag}")
        .get("aws-read-role-tag-deny-list")
        .post("aws-write-role-tag-deny-list")
        .delete("aws-delete-role-tag-deny-list"),
    Route::new("roletag-blacklist/{role_tag}")
        .get("aws-read-role-tag-blacklist")
        .post("aws-write-role-tag-blacklist")
        .delete("aws-delete-role-tag-blacklist")
        .old(),
    Route::new("tidy/roletag-denylist").post("aws-tidy-role-tag-deny-list"),
    Route::new("tidy/roletag-blacklist").post("aws-tidy-role-tag-blacklist").old(),
    Route::new("identity-accesslist").get("aws-list-identity-access-list"),
    Route::new("identity-whitelist").get("aws-list-identity-whitelist").old(),
    Route::new("identity-accesslist/{instance_id}")
        .get("aws-read-identity-access-list")
        .delete("aws-delete-identity-access-list"),
    Route::new("identity-whitelist/{instance_id}")
        .get("aws-read-identity-whitelist")
        .delete("aws-delete-identity-whitelist")
        .old(),
    Route::new("tidy/identity-accesslist").post("aws-tidy-identity-access-list"),
    Route::new("tidy/identity-whitelist").post("aws-tidy-identity-whitelist").old(),
    Route::new("status/aws").get("aws-read-status"),
    Route::new("config/doctor").get("aws-read-doctor"),
    Route::new("role/{role}/explain").post("aws-write-role-explain"),
    Route::new("migrate/report").get("aws-read-migration-report"),
    Route::new("config/issuer")
        .get("aws-read-issuer")
        .post("aws-configure-issuer")
        .delete("aws-delete-issuer"),
    Route::new("issuer/rotate").post("aws-rotate-issuer"),
    Route::new("issuer/export").get("aws-read-issuer-export"),
    Route::new("config/jwt-issuer/{account_id}")
        .get("aws-read-jwt-issuer")
        .post("aws-write-jwt-issuer")
        .delete("aws-delete-jwt-issuer")
        .creates(),
    Route::new("config/jwt-issuer").get("aws-list-jwt-issuers"),
    Route::new("oidc/.well-known/openid-configuration").get("aws-read-openid-configuration"),
    Route::new("oidc/.well-known/keys").get("aws-read-openid-keys"),
];
