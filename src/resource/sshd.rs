//! `sshd`: the SSH server's configuration as a whole.

use crate::facts::{Basis, Listing, Subject};
use crate::openssh::setting::faults;
use crate::openssh::source::Side;
use crate::resource::{Accepts, Field, Param, Resource, With, field, openssh};
use crate::target::host::Host;
use crate::target::{Door, Kind};
use crate::value::types::Dialect;
use crate::value::{List, Observed, Reason, Type, Value};

static TEXT: Type = Type::Text;

const FIELDS: &[Field] = &[
    field("path", Type::Text, "", "the main file"),
    field("version", Type::Version, "", "the release of OpenSSH that reads it; absent when no sshd was found"),
    field(
        "errors",
        Type::List(&TEXT),
        "",
        "what sshd refuses, with its line: it does not start with such a file, and a running one goes on with what it has",
    ),
    field("valid", Type::Bool(Dialect::Plain), "", "whether there are none; unknown when files could not be read"),
    field("unread", Type::List(&TEXT), "", "files that are included and could not be read"),
    field("match_blocks", Type::Integer, "", "how many Match blocks there are"),
];

pub(super) static SSHD: Resource = Resource {
    name: "sshd",
    about: "The SSH server's configuration as a whole: whether sshd takes it.",
    privilege: "read permission on sshd_config and what it includes",
    params: &[
        Param {
            name: "path",
            accepts: Accepts::Text,
            required: false,
            about: "the file; `/etc/ssh/sshd_config` when not given",
        },
        Param {
            name: "version",
            accepts: Accepts::Text,
            required: false,
            about: "the release that reads it: `9.2`; that of the host's sshd when not given",
        },
    ],
    fields: FIELDS,
    can_be_absent: true,
    target: |_| Kind::Host,
    observe: |door, with| Box::pin(observe(door, with)),
};

async fn observe(door: &Door, with: &With) -> Listing {
    let Door::Host(host) = door else { return Listing::failed(Reason::new("sshd's configuration is read on a host")) };
    let with = with.clone();
    host.run(move |host| list(host, &with)).await.unwrap_or_else(Listing::failed)
}

fn list(host: &Host, with: &With) -> Listing {
    let installation = match openssh::server(host, with) {
        Ok(installation) => installation,
        Err(listing) => return listing,
    };
    let config = &installation.config;
    let faults = faults(config, Side::Server, installation.build());
    let unread: Vec<String> = config.gaps.iter().map(|gap| format!("{}: {}", gap.place, gap.why)).collect();
    let mut subject = Subject::new(&SSHD, installation.path.as_str(), installation.path.as_str(), Basis::Declared);
    let fields = &mut subject.fields;
    fields.set("path", installation.path.as_str());
    fields.set("version", installation.version_value());
    let more = unread.first().map(Reason::new);
    fields.set(
        "valid",
        match (&more, faults.is_empty()) {
            (_, false) => false.into(),
            (Some(reason), true) => Observed::Unknown(reason.clone()),
            (None, true) => true.into(),
        },
    );
    let errors = faults.iter().map(|fault| Observed::from(format!("{}: {}", fault.place, fault.what)));
    fields.set("errors", Value::List(List { items: errors.collect(), more }));
    fields.set("unread", unread.into_iter().collect::<Value>());
    let blocks = config.blocks.iter().filter(|block| !block.criteria.is_everything()).count();
    fields.set("match_blocks", Value::Int(i64::try_from(blocks).unwrap_or(i64::MAX)));
    Listing::complete(vec![subject])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::host::tests::host;

    fn ask(config: &str) -> Listing {
        let (root, host) = host();
        std::fs::create_dir_all(root.path().join("etc/ssh")).unwrap();
        std::fs::write(root.path().join("etc/ssh/sshd_config"), config).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(observe(&Door::Host(host), &With::new()))
    }

    fn get(config: &str, field: &str) -> String {
        ask(config).subjects[0].fields.get(field).unwrap().to_string()
    }

    #[test]
    fn what_sshd_refuses_is_named_with_its_line() {
        let config = "Port 22\nPermitRootLogin maybe\nProtocol 2\nPasswordAuthenticaton no\nMatch User x\nPort 2\n";
        assert_eq!(get(config, "valid"), "false");
        assert_eq!(
            get(config, "errors"),
            "/etc/ssh/sshd_config:2: the value of `permitrootlogin` is not one that it takes, \
             /etc/ssh/sshd_config:4: `passwordauthenticaton` is no keyword, \
             /etc/ssh/sshd_config:6: `port` is not allowed within a Match block"
        );
        assert_eq!((get(config, "match_blocks"), get(config, "version")), ("1".into(), "absent".into()));
        assert_eq!(get("Include /etc/ssh/*\n", "valid"), "false", "it includes itself without end");
        assert_eq!(get("# nothing\n", "valid"), "true");
    }
}
