//! The parser and the decision against a real server: its own `pg_hba_file_rules`, line by line,
//! and real connections from many loopback addresses.

mod server;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use harden::hba::{
    Address, Catalog, Context, Database, DbToken, Decision, Files, Hba, Interface, Method, Question, Role, RoleToken,
    Server, Transport, ViewRow, access, decide, from_view, parse_for,
};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use server::Answer;

struct Disk;

impl Files for Disk {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
    fn list_dir(&self, path: &str) -> io::Result<Vec<String>> {
        let names = std::fs::read_dir(path)?.map(|e| Ok(e?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }
}

fn view(server: &server::Server) -> Vec<ViewRow> {
    let json = server.sql("select coalesce(json_agg(t), '[]') from pg_hba_file_rules t");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&json).unwrap();
    let row = |v: &serde_json::Value| {
        let text = |name: &str| v[name].as_str().map(str::to_owned);
        let list = |name: &str| {
            let list = v[name].as_array()?;
            Some(list.iter().map(|t| t.as_str().unwrap().to_owned()).collect::<Vec<_>>())
        };
        ViewRow {
            file_name: text("file_name"),
            line_number: v["line_number"].as_i64().unwrap() as i32,
            conn_type: text("type"),
            database: list("database"),
            user_name: list("user_name"),
            address: text("address"),
            netmask: text("netmask"),
            auth_method: text("auth_method"),
            options: list("options"),
            error: text("error"),
        }
    };
    rows.iter().map(row).collect()
}

/// The build's methods, from the server's own mouth.
fn build(server: &server::Server) -> Server {
    let mut build = Server::new(server.version);
    let has = |line: &str| {
        server.write("pg_hba.conf", format!("{line}\n").as_bytes());
        view(server)[0].conn_type.is_some()
    };
    build.gss = has("host all all all gss");
    build.pam = has("host all all all pam");
    build.ldap = has("host all all all ldap ldapprefix=x");
    build.bsd = has("host all all all bsd");
    build.sspi = has("host all all all sspi");
    build
}

fn database(token: &DbToken) -> String {
    match token {
        DbToken::All => "all".into(),
        DbToken::SameUser => "sameuser".into(),
        DbToken::SameRole => "samerole".into(),
        DbToken::Replication => "replication".into(),
        DbToken::Name(name) if **name == *"samegroup" => "samerole".into(),
        DbToken::Name(name) => name.to_string(),
        DbToken::Regex(p) => format!("/{}", p.text()),
        DbToken::NotUtf8 => "?".into(),
    }
}

fn role(token: &RoleToken) -> String {
    match token {
        RoleToken::All => "all".into(),
        RoleToken::Name(name) => name.to_string(),
        RoleToken::Group(name) => format!("+{name}"),
        RoleToken::Regex(p) => format!("/{}", p.text()),
        RoleToken::NotUtf8 => "?".into(),
    }
}

/// One comparable line for each entry and error, by file and line.
fn lines(hba: &Hba) -> BTreeMap<(String, u32), Vec<String>> {
    let mut all: BTreeMap<(String, u32), Vec<String>> = BTreeMap::new();
    for e in &hba.entries {
        let databases: Vec<String> = e.databases.iter().map(database).collect();
        let roles: Vec<String> = e.roles.iter().map(role).collect();
        // the view shows a quoted word like the keyword
        let address = match &e.address {
            Address::Host(name) if **name == *"all" => Address::All,
            Address::Host(name) if **name == *"samehost" => Address::SameHost,
            other => other.clone(),
        };
        let text = format!("{:?} {databases:?} {roles:?} {address:?} {:?} {:?}", e.conn, e.method, e.client_cert);
        all.entry((e.file.to_string(), e.line)).or_default().push(text);
    }
    for e in &hba.errors {
        all.entry((e.file.to_string(), e.line)).or_default().push("error".into());
    }
    all
}

fn compare(server: &server::Server, build: &Server, contents: &[u8]) -> usize {
    server.write("pg_hba.conf", contents);
    let main = server.data().join("pg_hba.conf").display().to_string();
    let ours = parse_for(&main, &Disk, build);
    assert_eq!(ours.cut, None);
    let rows = view(server);
    let messages: BTreeMap<i32, String> = rows.iter().map(|r| (r.line_number, format!("{:?}", r.error))).collect();
    let theirs = from_view(rows, &main, server.version);
    let order = |h: &Hba| h.entries.iter().map(|e| (e.file.clone(), e.line)).collect::<Vec<_>>();
    let (a, b) = (lines(&ours), lines(&theirs));
    let raw: Vec<String> =
        contents.split(|b| *b == b'\n').map(|l| String::from_utf8_lossy(l).chars().take(300).collect()).collect();
    let mut wrong = Vec::new();
    for key in a.keys().chain(b.keys()) {
        if a.get(key) != b.get(key) {
            let line = raw.get(key.1.saturating_sub(1) as usize).cloned().unwrap_or_default();
            let why = ours.errors.iter().find(|e| e.line == key.1).map(|e| e.message.clone());
            wrong.push(format!(
                "{key:?}: {line}\n  ours   {:?} {why:?}\n  theirs {:?} {:?}",
                a.get(key),
                b.get(key),
                messages.get(&(key.1 as i32))
            ));
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{} differ on {}:\n{}", wrong.len(), server.version, wrong.join("\n"));
    assert_eq!(order(&ours), order(&theirs));
    a.len()
}

fn runner(seed: u8) -> TestRunner {
    let seed = std::env::var("HARDEN_HBA_SEED").ok().and_then(|s| s.parse::<u8>().ok()).unwrap_or(0).wrapping_add(seed);
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
}

fn sample<S: Strategy>(runner: &mut TestRunner, strategy: &S, n: usize) -> Vec<S::Value> {
    (0..n).map(|_| strategy.new_tree(runner).unwrap().current()).collect()
}

/// Words that mean something somewhere, put anywhere.
fn soup() -> impl Strategy<Value = String> {
    let conn = select(
        &[
            "local",
            "host",
            "hostssl",
            "hostnossl",
            "hostgssenc",
            "hostnogssenc",
            "\"host\"",
            "hosts",
            "Local",
            "host,local",
        ][..],
    );
    let names = select(
        &[
            "all",
            "a",
            "a,b",
            "\"all\"",
            "sameuser",
            "samerole,x",
            "samegroup",
            "replication",
            "+g",
            "\"+g\"",
            "a,",
            ",a",
            "\"\"",
            "\"a b\"",
            "a\"b\"c",
            "\"a\"\"b\"",
            "@list",
            "@\"list\"",
            "\"@list\"",
            "@",
            "@missing",
            "@empty",
            "@nested",
            "@self",
            "/^a.*b$",
            "\"/x\"",
            "/(",
            "/a{2}",
            "é",
            "a#b",
            "all,@list",
            "\"a,b\"",
            "/",
            "/[a-",
            "/*",
            "x\\",
        ][..],
    );
    let address = select(
        &[
            "all",
            "samehost",
            "samenet",
            "\"all\"",
            "10.0.0.0/8",
            "10.1.2.3/8",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/",
            "10.0.0.0/8x",
            "10.0.0.0/+8",
            "10.0.0.0/ 8",
            "10.0.0.0/08",
            "::/0",
            "::1/128",
            "::1/129",
            "fe80::1%1/64",
            "::ffff:1.2.3.4/128",
            "10.0.0.0",
            "10.0.0.0 255.0.0.0",
            "10.0.0.0 255.0.255.0",
            "10.0.0.0 ffff::",
            "::1 ffff::",
            "::1 255.0.0.0",
            "10.0.0.0 x",
            "10/8",
            "10.1/16",
            "0x0a.0.0.0/8",
            "010.0.0.1/32",
            "host.example",
            ".example.com",
            "host/8",
            "/8",
            "\"\"",
            "1.2.3.4.5/8",
            "256.0.0.1/8",
            "10.0.0.0/8,11.0.0.0/8",
            "10.0.0.0/4294967304",
            "08.0.0.1/8",
            "1.2.3.4 ",
            "10.0.0.0/\"8\"",
            "[::1]/128",
            "4294967295/32",
            "1.2.65535/32",
            "0x/8",
            "1.2.3.4 0xffffff00",
            "\"10.0.0.0/ 8\"",
            "999999999999",
            "samehost,all",
        ][..],
    );
    let method = select(
        &[
            "trust",
            "reject",
            "md5",
            "password",
            "scram-sha-256",
            "gss",
            "sspi",
            "ident",
            "peer",
            "pam",
            "ldap",
            "radius",
            "cert",
            "bsd",
            "\"trust\"",
            "Trust",
            "trust,md5",
            "krb5",
            "crypt",
        ][..],
    );
    let option = select(
        &[
            "",
            "",
            "",
            "map=x",
            "clientcert=verify-ca",
            "clientcert=verify-full",
            "clientcert=1",
            "clientcert=0",
            "clientcert=no-verify",
            "clientcert=",
            "clientname=CN",
            "clientname=DN",
            "clientname=x",
            "pamservice=x",
            "pam_use_hostname=1",
            "foo=bar",
            "foo",
            "map",
            "\"map=a b\"",
            "map=\"a b\"",
            "=",
            "=x",
            "include_realm=0",
            "krb_realm=X",
            "compat_realm=1",
            "upn_username=1",
            "ldapserver=x",
            "ldapport=0",
            "ldapport=389",
            "ldapport=x",
            "ldapport=4294967296",
            "ldapprefix=\"cn=\"",
            "ldapsuffix=x",
            "ldapbasedn=x",
            "ldapbinddn=x",
            "ldapbindpasswd=x",
            "ldapsearchattribute=uid",
            "ldapsearchfilter=(uid=$username)",
            "ldapurl=ldap://h/dc=x",
            "ldapurl=ldaps://h:636/dc=x?uid?sub",
            "ldapurl=http://h/x",
            "ldapurl=ldap://h",
            "ldapurl=ldap://h/dc=x?uid?sub?(x=y)",
            "ldapscheme=ldaps",
            "ldapscheme=x",
            "ldaptls=1",
            "radiusservers=127.0.0.1",
            "\"radiusservers=127.0.0.1,127.0.0.2\"",
            "radiussecrets=x",
            "\"radiussecrets=x,y\"",
            "radiussecrets=\"\"\"x y\"\"\"",
            "radiusports=1812",
            "radiusports=0",
            "radiusports=x",
            "radiusidentifiers=x",
            "radiusservers=",
            "radiussecrets=",
            "\"radiussecrets=x,\"",
            "radiusservers=127.0.0.1 radiussecrets=x",
            "\"radiusservers=127.0.0.1,127.0.0.2\" \"radiussecrets=x,y,z\"",
            "map=a,map=b",
            "map=a,b",
            "MAP=x",
            "# comment",
            "ldapbasedn=x ldapsearchattribute=u ldapsearchfilter=f",
            "ldapprefix=x ldapbasedn=y",
        ][..],
    );
    let end = select(&["", "", "", " ", "\t", "\r", " \\", "\\", " # x \\", "\"", "extra"][..]);
    let whole = (conn, names.clone(), names, address, method, option.clone(), option, end, 0usize..9, any::<bool>());
    whole.prop_map(|(c, d, r, a, m, o, p, e, cut, usual)| {
        let a = if c.starts_with("local") && usual { "" } else { a };
        let (c, d) = if usual { (c.trim_matches('"'), d) } else { (c, d) };
        let words = [c, d, r, a, m, o, p];
        let keep = if cut < 7 && !usual { cut } else { 7 };
        format!("{}{e}", words[..keep].join(if usual { " " } else { "\t " }))
    })
}

const TRAPS: &str = include_str!("../../../fixtures/hba/traps.hba");

fn parses_as_the_server_does() {
    let server = server::Server::start();
    let build = build(&server);
    server.write("list", b"l1 l2,l3 # c\nall \"all\"\n+l4\n");
    server.write("empty", b"# nothing\n");
    server.write("nested", b"n1,@list n2\n");
    server.write("self", b"s1\n@self\n");
    server.write("inc.hba", b"host inc all all trust\nbroken\nhost @list all all md5\n");
    server.write("loop.hba", b"host loop all all trust\ninclude loop.hba\n");
    server.write("lists_with_include", b"include list\nx\n");
    let _ = std::fs::create_dir(server.data().join("conf.d"));
    for (name, text) in [
        ("b.conf", "host b all all md5\n"),
        ("a.conf", "host a all all md5\ninclude ../inc.hba\n"),
        (".x.conf", "x"),
        ("c.txt", "y"),
        (".conf", "z"),
    ] {
        server.write(&format!("conf.d/{name}"), text.as_bytes());
    }
    // before 16 a list that includes itself makes the view fail as a whole
    if server.version < 16 {
        server.write("self", b"s1\n@list\n");
        server.write("loop.hba", b"x\n");
    }
    let mut compared = compare(&server, &build, TRAPS.as_bytes());
    compared += compare(&server, &build, b"\xef\xbb\xbfhost all all all trust\nhost all all all md5\n");
    compared += compare(&server, &build, b"\xef\xbb\xbf# comment\nhost all all all md5");
    compared += compare(&server, &build, b"host all all all md5 \\");
    compared += compare(
        &server,
        &build,
        b"host all \\\r\nall all\\\n md5\n\\\n\nlocal all all peer\n\\\\\nlocal all all md5\n",
    );
    for n in [
        255, 256, 8100, 8160, 8169, 8170, 8171, 8172, 8173, 8190, 8191, 8192, 9000, 10_238, 10_239, 10_240, 10_241,
        20_000,
    ] {
        let long = "x".repeat(n);
        compared += compare(&server, &build, format!("host all {long} all md5\nhost all all all trust\n").as_bytes());
        compared += compare(&server, &build, format!("# {long}\nhost all all all trust\n").as_bytes());
    }
    let mut runner = runner(1);
    for _ in 0..6 {
        let text = sample(&mut runner, &soup(), 1500).join("\n") + "\n";
        compared += compare(&server, &build, text.as_bytes());
    }
    println!("{compared} lines of PostgreSQL {} agree", server.version);
}

const SETUP: &str = "create role a superuser login; create role b login; create role c login; create role d login;
create role g; create role h; grant g to b; grant h to g; grant a to c; create role \"B\" login; create role e superuser login;
create database a; create database b; create database h; create database w";

fn catalog() -> Catalog {
    let role = |name: &str, superuser, login, of: &[&str]| Role {
        name: name.into(),
        superuser,
        login,
        member_of: of.iter().map(|g| Arc::from(*g)).collect(),
    };
    let roles = vec![
        role("postgres", true, true, &[]),
        role("a", true, true, &[]),
        role("b", false, true, &["g"]),
        role("c", false, true, &["a"]),
        role("d", false, true, &[]),
        role("g", false, false, &["h"]),
        role("h", false, false, &[]),
        role("B", false, true, &[]),
        role("e", true, true, &[]),
    ];
    Catalog::new(Some(roles), None)
}

fn rule(version: u32) -> impl Strategy<Value = String> {
    let regex: &[&str] =
        if version >= 16 { &["/^[ab]$", "/^a", "/.*", "\"/^b\"", "/^(a|w)$", "/x|y"] } else { &["/^a"] };
    let db: Vec<&str> = [
        "all",
        "all",
        "all",
        "all",
        "all",
        "all",
        "a",
        "b",
        "h",
        "w",
        "sameuser",
        "samerole",
        "samegroup",
        "replication",
        "\"all\"",
        "\"replication\"",
        "a,b",
        "nodb,replication",
        "A",
    ]
    .iter()
    .chain(regex)
    .copied()
    .collect();
    let role: Vec<&str> = [
        "all", "all", "all", "all", "all", "all", "a", "b", "c", "d", "+g", "+h", "+a", "+nobody", "\"+g\"", "B",
        "a,b", "c,+g", "nobody", "\"all\"",
    ]
    .iter()
    .chain(regex)
    .copied()
    .collect();
    let conn = select(&["local", "host", "host", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"][..]);
    let address = select(
        &[
            "all",
            "all",
            "all",
            "0.0.0.0/0",
            "0.0.0.0/0",
            "127.0.0.0/8",
            "127.0.0.0/8",
            "127.0.0.1/32",
            "127.1.0.0/16",
            "127.1.2.0/24",
            "127.1.2.3/32",
            "127.0.0.0/9",
            "127.128.0.0/9",
            "127.0.3.0 255.0.255.0",
            "127.0.0.1 255.0.0.255",
            "::1/128",
            "::/0",
            "10.0.0.0/8",
            "samehost",
            "samenet",
            "::ffff:127.0.0.0/104",
            "127.1/16",
            "0x7f.0x80.0.0/12",
        ][..],
    );
    let method = select(&["trust", "reject", "password", "scram-sha-256"][..]);
    (conn, select(db), select(role), address, method).prop_map(|(c, d, r, a, m)| match c {
        "local" => format!("local {d} {r} {m}\n"),
        _ => format!("{c} {d} {r} {a} {m}\n"),
    })
}

fn expected(decision: &Decision) -> Option<Answer> {
    Some(match decision {
        Decision::Allow { method: Method::Trust, .. } => Answer::Trust,
        Decision::Allow { method: Method::Password, .. } => Answer::Password,
        Decision::Allow { method: Method::ScramSha256, .. } => Answer::Sasl,
        Decision::Allow { .. } => Answer::Other,
        Decision::Reject { .. } => Answer::Rejected,
        Decision::NoMatch => Answer::NoEntry,
        Decision::Unknown { .. } => return None,
    })
}

fn attempt(server: &server::Server, question: &Question) -> Answer {
    let tls = question.transport == Transport::Tls;
    let startup = match &question.database {
        Database::Named(name) => server::startup(&question.role, name, false),
        Database::Replication => server::startup(&question.role, "", true),
    };
    server.ask(question.address.filter(|_| question.transport != Transport::Local), tls, &startup)
}

fn decides_as_the_server_does() {
    let server = server::Server::start();
    for statement in SETUP.split(';') {
        server.sql(statement);
    }
    let build = Server::new(server.version);
    let catalog = catalog();
    let own = |a: &str, m: &str| Interface { address: a.parse().unwrap(), netmask: m.parse().unwrap() };
    let interfaces = [own("127.0.0.1", "255.0.0.0"), own("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")];
    let context = Context { interfaces: Some(&interfaces), ..Context::declared(&catalog) };
    let files: usize = std::env::var("HARDEN_HBA_FILES").ok().and_then(|n| n.parse().ok()).unwrap_or(25);
    let v4 = select(
        &[
            [127, 0, 0, 1],
            [127, 0, 0, 2],
            [127, 1, 2, 3],
            [127, 1, 2, 4],
            [127, 1, 3, 0],
            [127, 127, 255, 254],
            [127, 128, 0, 1],
            [127, 200, 3, 9],
            [127, 143, 255, 255],
        ][..],
    );
    let address = prop_oneof![4 => v4.prop_map(|a| IpAddr::V4(Ipv4Addr::from(a))), 2 => (0u8..255, 0u8..255, 1u8..254).prop_map(|(a, b, c)| IpAddr::V4(Ipv4Addr::new(127, a, b, c))), 1 => Just(IpAddr::V6(Ipv6Addr::LOCALHOST))];
    let database = select(&["a", "b", "h", "w", "all", "nodb", "", "replication", "A"][..])
        .prop_map(|n| Database::Named(n.into()));
    let database = prop_oneof![5 => database, 1 => Just(Database::Replication)];
    let role = select(&["a", "b", "c", "d", "e", "B", "g", "nobody", "+g", "all"][..]);
    let transport = select(&[Transport::Local, Transport::Tls, Transport::Plain, Transport::Plain][..]);
    let question = (transport, database, role, address).prop_map(|(transport, database, role, address)| Question {
        transport,
        database,
        role: role.into(),
        address: Some(address),
    });
    let rules = prop::collection::vec(rule(server.version), 1..16).prop_map(|l| l.concat());
    let mut runner = runner(2);
    let (mut asked, mut witnesses, mut seen) = (0, 0, BTreeMap::new());
    for (i, rules) in sample(&mut runner, &rules, files).into_iter().enumerate() {
        server.load(&rules, &format!("mark{i}"));
        let path = server.data().join("pg_hba.conf").display().to_string();
        let hba = parse_for(&path, &Disk, &build);
        assert_eq!(hba.errors, []);
        let check = |question: &Question| {
            let decision = decide(&hba, &context, question);
            let Some(expected) = expected(&decision) else { panic!("{decision:?}") };
            let answer = attempt(&server, question);
            assert_eq!(answer, expected, "{question:?} {decision:?}\n{rules}");
            answer
        };
        for question in sample(&mut runner, &question, 60) {
            *seen.entry(check(&question)).or_insert(0) += 1;
            asked += 1;
        }
        // what the map says of this machine's own transports is so
        for class in &access(&hba, &context).classes {
            let reachable = class.address.is_none_or(|a| a.is_loopback()) && class.transport != Transport::Gss;
            if reachable && !class.role.is_empty() {
                check(&class.question());
                witnesses += 1;
            }
        }
    }
    println!("{asked} connections and {witnesses} witnesses of PostgreSQL {} agree: {seen:?}", server.version);
}

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![parses_as_the_server_does, decides_as_the_server_does]
}
