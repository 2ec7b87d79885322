//! The field table of `image`. Paths on the right are those of Docker's `GET /images/{name}/json`.

use crate::resource::{Field, field};
use crate::value::types::{Dialect, Type};

const BOOL: Type = Type::Bool(Dialect::Plain);
const TEXTS: Type = Type::List(&Type::Text);

pub(super) const FIELDS: &[Field] = &[
    field("name", Type::Text, "RepoTags", "the reference it is judged by, else its id"),
    field("id", Type::Text, "Id", "`sha256:…` of its configuration"),
    field("tags", TEXTS, "RepoTags", "all names it has here"),
    field(
        "digests",
        TEXTS,
        "RepoDigests",
        "what registries call it: `repository@sha256:…`; empty for an image built here and never pushed",
    ),
    field(
        "reference",
        Type::Text,
        "Config.Image",
        "as the container gives it, else its tag; absent for an image without a name",
    ),
    field(
        "registry",
        Type::Text,
        "",
        "host of the registry, `docker.io` when the reference names none; unknown for an image known by its id only",
    ),
    field("repository", Type::Text, "", "path in the registry, `library/nginx` for docker.io's `nginx`"),
    field("tag", Type::Text, "", "as written; absent when the reference has none"),
    field("digest", Type::Text, "", "`sha256:…` that the reference is pinned to; absent when it is not"),
    field("pinned", BOOL, "", "whether the reference has a digest or is the image's id"),
    field(
        "floating_tag",
        BOOL,
        "",
        "whether neither a digest nor a tag other than latest, stable, edge, main, master, nightly or dev says which image it is",
    ),
    field("local", BOOL, "RepoDigests", "whether it was built or loaded here: no registry knows a digest of it"),
    field("created", Type::Time, "Created", "absent for a reproducible image, whose date says nothing (1970 or 1980)"),
    field("user", Type::Text, "Config.User", "`user[:group]`; `0` when it does not say"),
    field(
        "root",
        BOOL,
        "Config.User",
        "whether containers start as user 0 unless told otherwise; unknown for a name other than root",
    ),
    field("exposed_ports", TEXTS, "Config.ExposedPorts", "`80/tcp`"),
    field("volumes", TEXTS, "Config.Volumes", "paths that are always volumes"),
    field("healthcheck", BOOL, "Config.Healthcheck", ""),
    field("labels", Type::Map(&Type::Text), "Config.Labels", ""),
    field("env_names", TEXTS, "Config.Env", "names only; values are asked by the `env` resource"),
    field("size", Type::Size, "Size", ""),
    field("architecture", Type::Text, "Architecture", "amd64, arm64 …"),
    field("used_by", TEXTS, "", "names of the containers made from it, stopped ones included"),
];
