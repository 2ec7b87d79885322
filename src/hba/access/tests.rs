//! The map against brute force: every boundary value of small files, decided one by one.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::decide::{decide, same_outcome};
use super::super::tests::parsed;
use super::super::types::{Address, DbToken, Interface, RoleToken};
use super::super::{Catalog, Context, Database, Decision, Family, Hba, Question, Role, Transport};
use super::{Access, Scope, access};

type Cell = (Transport, Scope, Option<Family>, bool, Option<bool>);

fn words(pool: &'static [&'static str]) -> impl Strategy<Value = String> {
    subsequence(pool, 1..=2).prop_map(|w| w.join(","))
}

fn line() -> impl Strategy<Value = String> {
    let conn = select(&["local", "host", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"][..]);
    let db = words(&[
        "all",
        "all",
        "a",
        "b",
        "c",
        "sameuser",
        "samerole",
        "replication",
        "\"all\"",
        "/^a",
        "/b$",
        "/.*",
        "/\\yda",
    ]);
    let role = words(&["all", "all", "a", "b", "c", "d", "+a", "+g", "/^a", "/^[ab]$", "\"+g\""]);
    let address = select(
        &[
            "all",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/8",
            "10.0.0.0/9",
            "10.128.0.0/9",
            "127.0.0.0/8",
            "127.0.0.1/32",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "::1/128",
            "fe80::/10",
            "10.0.3.0 255.0.255.0",
            "samehost",
            "samenet",
            "h.example",
            "::ffff:10.0.0.0/104",
            "127.0.3.0 255.0.255.0",
        ][..],
    );
    let method = select(&["trust", "reject", "md5", "scram-sha-256"][..]);
    (conn, db, role, address, method).prop_map(|(c, d, r, a, m)| match c {
        "local" => format!("local {d} {r} {m}\n"),
        _ => format!("{c} {d} {r} {a} {m}\n"),
    })
}

fn file() -> impl Strategy<Value = String> {
    let junk = select(&["", "", "", "include nowhere\n", "include secret\n"][..]);
    (prop::collection::vec(line(), 0..8), junk, 0usize..8).prop_map(|(mut lines, junk, at)| {
        lines.insert(at.min(lines.len()), junk.to_owned());
        lines.concat()
    })
}

fn roles() -> Vec<Role> {
    let role = |name: &str, superuser, login, member_of: &[&str]| Role {
        name: name.into(),
        superuser,
        login,
        member_of: member_of.iter().map(|g| Arc::from(*g)).collect(),
    };
    vec![
        role("a", true, true, &[]),
        role("b", false, true, &["g"]),
        role("c", false, true, &["a"]),
        role("e", false, true, &["b"]),
        role("f", false, true, &[]),
        role("h", true, true, &["k"]),
        role("g", false, false, &["b2"]),
        role("k", false, false, &[]),
    ]
}

fn catalog() -> impl Strategy<Value = Catalog> {
    let dbs = subsequence(&["a", "b", "c", "k", "w", "z", "all"][..], 1..=4);
    (any::<bool>(), any::<bool>(), subsequence(roles(), 1..=8), dbs).prop_map(|(r, d, some, dbs)| {
        let names: BTreeSet<Arc<str>> = some.iter().map(|r| r.name.clone()).collect();
        let mut some = some;
        some.iter_mut().for_each(|r| r.member_of.retain(|g| names.contains(g)));
        Catalog::new(r.then_some(some), d.then(|| dbs.into_iter().map(Arc::from).collect()))
    })
}

fn interfaces() -> Vec<Interface> {
    let one = |a: &str, m: &str| Interface { address: a.parse().unwrap(), netmask: m.parse().unwrap() };
    vec![one("127.0.0.1", "255.0.0.0"), one("10.0.0.3", "255.255.0.0"), one("fe80::3", "ffff:ffff:ffff:ffff::")]
}

fn addresses(hba: &Hba, family: Family) -> BTreeSet<u128> {
    let mut all = BTreeSet::new();
    let mut edge = |start: u128, end: u128| {
        all.extend([start.saturating_sub(1), start, end, end.saturating_add(1)].map(|p| p.min(family.max())));
    };
    match family {
        Family::V4 => edge(0x7f00_0000, 0x7fff_ffff),
        Family::V6 => edge(1, 1),
    }
    edge(0, family.max());
    let (nothing, own) = (Catalog::unknown(), interfaces());
    let context = Context { interfaces: Some(&own), ..Context::declared(&nothing) };
    for entry in &hba.entries {
        let nets = match &entry.address {
            Address::Net(net) => vec![*net],
            own @ (Address::SameHost | Address::SameNet) => super::super::decide::own_networks(own, &context).unwrap(),
            _ => Vec::new(),
        };
        for net in nets.into_iter().filter(|n| n.family == family) {
            // a mask with holes repeats: its first and last ranges see all the rest
            let spans = net.intervals(1 << 23).unwrap();
            spans.iter().take(3).chain(spans.last()).for_each(|(s, e)| edge(*s, *e));
            for low in [0x7f00_0000u128, 0x0a00_0000, 0x0a80_0000, 0x8000_0000] {
                let at = spans.partition_point(|(s, _)| *s < low);
                spans.iter().skip(at.saturating_sub(1)).take(3).for_each(|(s, e)| edge(*s, *e));
            }
        }
    }
    all
}

fn scope(address: IpAddr) -> Scope {
    if address.is_loopback() { Scope::Loopback } else { Scope::Remote }
}

#[derive(Default)]
struct Brute {
    known: BTreeSet<(Cell, Option<usize>)>,
    unknown: BTreeSet<(Cell, Option<usize>)>,
}

fn names(hba: &Hba, catalog: &Catalog) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
    let mut dbs: BTreeSet<Arc<str>> = ["some_x", "zz", "ab", "0a", "a", "b"].into_iter().map(Arc::from).collect();
    let mut roles = dbs.clone();
    for entry in &hba.entries {
        dbs.extend(entry.databases.iter().filter_map(|t| match t {
            DbToken::Name(n) => Some(n.clone()),
            _ => None,
        }));
        roles.extend(entry.roles.iter().filter_map(|t| match t {
            RoleToken::Name(n) | RoleToken::Group(n) => Some(n.clone()),
            _ => None,
        }));
    }
    let both: BTreeSet<Arc<str>> = dbs.iter().chain(&roles).cloned().collect();
    let dbs = catalog.databases().map_or_else(
        || {
            let known = catalog.roles().unwrap_or_default().iter().map(|r| r.name.clone());
            both.iter().cloned().chain(known).collect()
        },
        <[_]>::to_vec,
    );
    let roles = catalog.roles().map(|r| r.iter().filter(|r| r.login).map(|r| r.name.clone()).collect());
    let roles = roles.unwrap_or_else(|| {
        both.iter().cloned().chain(catalog.databases().unwrap_or_default().iter().cloned()).collect()
    });
    (dbs, roles)
}

fn brute(hba: &Hba, context: &Context) -> Brute {
    let mut result = Brute::default();
    let (dbs, roles) = names(hba, context.catalog);
    let v4 = addresses(hba, Family::V4).into_iter().map(|b| Some(Family::V4.address(b)));
    let v6 = addresses(hba, Family::V6).into_iter().map(|b| Some(Family::V6.address(b)));
    let places: Vec<Option<IpAddr>> = v4.chain(v6).collect();
    let databases = dbs.into_iter().map(Database::Named).chain([Database::Replication]);
    for (database, role) in databases.flat_map(|d| roles.iter().map(move |r| (d.clone(), r.clone()))) {
        let superuser = context.catalog.roles().map(|_| context.catalog.role(&role).is_some_and(|r| r.superuser));
        let replication = database == Database::Replication;
        let mut ask = |transport, address: Option<IpAddr>| {
            let question = Question { transport, database: database.clone(), role: role.clone(), address };
            let cell =
                (transport, address.map_or(Scope::Local, scope), address.map(Family::of), replication, superuser);
            match decide(hba, context, &question) {
                Decision::Allow { entry, .. } | Decision::Reject { entry } => result.known.insert((cell, Some(entry))),
                Decision::NoMatch => result.known.insert((cell, None)),
                Decision::Unknown { entry, .. } => result.unknown.insert((cell, entry)),
            };
        };
        ask(Transport::Local, None);
        for transport in [Transport::Tls, Transport::Plain, Transport::Gss] {
            places.iter().for_each(|a| ask(transport, *a));
        }
    }
    result
}

fn known(map: &Access) -> BTreeSet<(Cell, Option<usize>)> {
    let classes = map.classes.iter().filter(|c| !matches!(c.decision, Decision::Unknown { .. }));
    classes.map(|c| ((c.transport, c.scope, c.family, c.replication, c.role_superuser), c.entry)).collect()
}

fn check(text: &str, context: &Context) -> Result<(), TestCaseError> {
    let hba = parsed(text, 16);
    let map = access(&hba, context);
    let unfinished = |c: &&super::Class| matches!(&c.decision, Decision::Unknown { reason, .. } if reason.contains("expression leaves"));
    for class in map.classes.iter().filter(|c| !unfinished(c)) {
        prop_assert_eq!(&decide(&hba, context, &class.question()), &class.decision, "{:?}\n{}", class, text);
        prop_assert_eq!(class.address.map_or(Scope::Local, scope), class.scope);
    }
    let brute = brute(&hba, context);
    let found = known(&map);
    // files may hold expressions that match a name which the brute force does not think of
    let blurred = text.contains("/^") || text.contains("/b$");
    // of expressions only some names are tried; what may be missed must be told as unknown
    let open =
        map.classes.iter().filter(|c| unfinished(c) || blurred && matches!(c.decision, Decision::Unknown { .. }));
    let open: BTreeSet<_> =
        open.map(|c| ((c.transport, c.scope, c.family, c.replication, c.role_superuser), c.entry)).collect();
    let missing: Vec<_> = brute.known.difference(&found).filter(|m| !open.contains(m)).collect();
    prop_assert!(missing.is_empty(), "missing {:?}\n{}", missing, text);
    let surplus: Vec<_> = found.difference(&brute.known).collect();
    prop_assert!(surplus.is_empty() || blurred, "surplus {:?}\n{}", surplus, text);
    for (cell, entry) in &brute.unknown {
        let in_cell = || {
            map.classes.iter().filter(|c| (c.transport, c.scope, c.family, c.replication, c.role_superuser) == *cell)
        };
        let same = |e: usize, c: &super::Class| c.entry.is_some_and(|o| same_outcome(&hba.entries[o], &hba.entries[e]));
        let told =
            in_cell().any(|c| matches!(c.decision, Decision::Unknown { .. }) || entry.is_some_and(|e| same(e, c)));
        prop_assert!(told, "nothing unknown in {:?}\n{}", cell, text);
    }
    for (index, _) in hba.entries.iter().enumerate() {
        let at_work = brute.known.iter().chain(&brute.unknown).any(|(_, e)| *e == Some(index));
        let dead = map.dead.iter().find(|d| d.entry == index);
        prop_assert!(!(at_work && dead.is_some_and(|d| d.unknown.is_none())), "{} is not dead\n{}", index, text);
        let decides = brute.known.iter().any(|(_, e)| *e == Some(index));
        prop_assert!(decides || dead.is_some() || blurred, "{} is dead\n{}", index, text);
        prop_assert!(!(decides && dead.is_some() && open.is_empty()), "{} decides\n{}", index, text);
        let judged = context.catalog.roles().is_some()
            && context.interfaces.is_some()
            && !text.contains("h.example")
            && !text.contains("\\y");
        let certain = judged && brute.unknown.is_empty() && !blurred;
        prop_assert!(!certain || dead.is_none_or(|d| d.unknown.is_none()), "{} is dead for certain\n{}", index, text);
    }
    Ok(())
}

proptest! {

    #[test]
    fn agrees_with_brute_force(text in file(), catalog in catalog(), known in any::<bool>()) {
        let interfaces = interfaces();
        let context = Context { interfaces: known.then_some(&interfaces[..]), ..Context::declared(&catalog) };
        check(&text, &context)?;
    }
}
