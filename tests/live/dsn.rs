//! Every connection string of a large corpus is read by `Conninfo::parse_as` and by real libpq, and both must agree:
//! refused or not, and every parameter.
//!
//! `PYTHON` names a `python3` that has psycopg2 (package psycopg2-binary); it is an error when that does not run.
//! `LIBPQ`, if set, names another libpq.so to compare with as well. The comparison knows libpq's version.

use harden::dsn::{Client, Conninfo, DsnErrorKind, Stat, Surroundings, effective, resolve};
use secrecy::ExposeSecret;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

/// Strings written by hand, each for one trap.
const WRITTEN: &[&str] = &[
    "",
    " ",
    "mydb",
    "host",
    "host=",
    "host= ",
    "host =a",
    "host = a",
    "host\t=\n'a b'",
    "=a",
    "= a",
    "host==a",
    "host=a=b",
    "host='a",
    "host='a\\'",
    "host='a\\'b'",
    "host=a\\",
    "host=a\\\\",
    "host=\\ a",
    "host=a'b'c",
    "host='a'port=1",
    "host='a'b=c",
    "host=a host=b",
    "HOST=a",
    "Host=a",
    "host=a,b port=1,2",
    "port=''",
    "sslmode=VERIFY-FULL",
    "sslmode=verify_full",
    "sslMode=require",
    "ssl_mode=require",
    "ssl=true",
    "tls=1",
    "requiressl=1",
    "requiressl=0",
    "requiressl=",
    "requiressl=10",
    "sslmode=verify-full requiressl=1",
    "password=a b",
    "password=a b=c",
    "password='a b' user=u",
    "service=s",
    "options='-c a=b'",
    "authtype=x",
    "tty=x",
    "sslnegotiation=direct",
    "channel_binding=require",
    "require_auth=none",
    "load_balance_hosts=random",
    "sslcertmode=allow",
    "gssdelegation=1",
    "min_protocol_version=3.0",
    "max_protocol_version=latest",
    "scram_client_key=x",
    "scram_server_key=y",
    "oauth_issuer=i",
    "oauth_client_id=c",
    "oauth_client_secret=s",
    "oauth_scope=s",
    "sslkeylogfile=f",
    "servicefile=f",
    "dbname='host=x'",
    "\u{a0}host=a",
    "host=\u{a0}a",
    "host=é",
    "postgres://",
    "postgresql://",
    "Postgres://h",
    "postgres:/h",
    "postgres:h",
    " postgres://h",
    "postgresqls://h",
    "postgres:///",
    "postgres:///d",
    "postgres:///?",
    "postgres://?",
    "postgres://h",
    "postgres://h/",
    "postgres://h:/",
    "postgres://h:1",
    "postgres://:1",
    "postgres://h:abc/d",
    "postgres://h:1:2/d",
    "postgres://u@h",
    "postgres://@h",
    "postgres://@",
    "postgres://:@h",
    "postgres://u:@h",
    "postgres://:p@h",
    "postgres://u:p@",
    "postgres://u:p@h",
    "postgres://u:p:q@h",
    "postgres://u:p@x@h",
    "postgres://u:p/q@h/d",
    "postgres://u:p?q@h/d",
    "postgres://u:p#q@h/d",
    "postgres://u%40x:p%2Fq@h/d",
    "postgres://%75ser@h",
    "postgres://h/a/b",
    "postgres://h//",
    "postgres://h/d?",
    "postgres://h?",
    "postgres://h?&",
    "postgres://h?port=1&",
    "postgres://h?port=1&&",
    "postgres://h?port",
    "postgres://h?=1",
    "postgres://h?port=",
    "postgres://h?port=1=2",
    "postgres://h?port=1&port=2",
    "postgres://h?%70ort=3",
    "postgres://h?ssl=true",
    "postgres://h?ssl=false",
    "postgres://h?ssl=1",
    "postgres://h?ssl=",
    "postgres://h?s%73l=tru%65",
    "postgres://h?ssl=true&sslmode=disable",
    "postgres://h?sslmode=disable&ssl=true",
    "postgres://h?requiressl=1",
    "postgres://h?sslMode=require",
    "postgres://h?a=b",
    "postgres://h?user=u&password=p",
    "postgres://a@h?user=b",
    "postgres://h?host=/tmp",
    "postgres://%2Ftmp",
    "postgres://%2Ftmp:1/d",
    "postgres://%2Ftmp,b/d",
    "postgres:///d?host=a,b",
    "postgres://a,b",
    "postgres://a,b:1",
    "postgres://a:1,b",
    "postgres://a:1,b:2",
    "postgres://,",
    "postgres://,,",
    "postgres://a,",
    "postgres://:1,:2",
    "postgres://[::1]",
    "postgres://[::1]:5",
    "postgres://[::1]/d",
    "postgres://[::1]?port=1",
    "postgres://[::1],[::2]:3",
    "postgres://[::1]x",
    "postgres://[::1]:x",
    "postgres://[",
    "postgres://[]",
    "postgres://[::1",
    "postgres://u@[::1]",
    "postgres://x[::1]",
    "postgres://[a@b]",
    "postgres://[::1/d]",
    "postgres://[fe80::1%25eth0]",
    "postgres://[fe80::1%eth0]",
    "postgres://h/%",
    "postgres://h/%2",
    "postgres://h/%zz",
    "postgres://h/%2g",
    "postgres://h/%00",
    "postgres://h/%ff",
    "postgres://h/%C3%A9",
    "postgres://h/é",
    "postgres://h?user=%zz",
    "postgres://h?%zz=1",
    "postgres://%@h",
    "postgres:// h",
    "postgres://h ",
    "postgres:// u : p @ h : 1 / d ? port = 2 ",
    "postgres://u x@h",
    "postgres://h/d e",
    "postgres://h/%20d",
    "postgres://h/ %20 ",
    "postgres://h?sslmode= require",
    "postgres://h?sslmode=require ",
    "postgres://h? port=1",
    "postgres://h?port =1",
    "postgres://h?port=1 2",
    "postgres://h\tx/d",
    "postgres://h /d",
    "postgres://a, b",
    "postgres://h/d#f",
    "postgres://u@",
    "postgres://u:p@?port=1",
    "postgres://u:p@/d",
    "postgres://h?host=",
    "postgres://h&port=1",
    "jdbc:postgresql://h/d",
    "unix:///tmp",
    "postgres://h/d?sslmode=require&sslrootcert=%2Fca.pem&sslpassword=x",
];

/// Pieces from which strings are put together.
const PIECES: &[&str] = &[
    "postgres://",
    "postgresql://",
    "user",
    "u",
    "p",
    "@",
    ":",
    "/",
    "?",
    "&",
    "=",
    ",",
    "[",
    "]",
    "::1",
    "h",
    "db",
    "5432",
    "%",
    "%2F",
    "%40",
    "%00",
    "%3",
    "%zz",
    "%20",
    "%C3%A9",
    "'",
    "\\",
    "\\'",
    " ",
    "\t",
    "\n",
    "host",
    "host=",
    "port=",
    "password=",
    "sslmode=",
    "ssl=",
    "true",
    "require",
    "verify-full",
    "requiressl=",
    "1",
    "dbname=",
    "user=",
    "sslrootcert=",
    "service=",
    "é",
    "#",
    "+",
    ";",
    "\u{0b}",
    "options=",
    "sslnegotiation=",
    "require_auth=",
    "oauth_scope=",
    "x",
    "hostaddr=",
    "''",
    "' '",
    "a b",
];

/// A small generator of numbers, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).unwrap()
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// Pieces in any order: mostly refused.
fn jumble(random: &mut Random) -> String {
    let prefix = ["postgres://", "postgresql://", "host=a ", ""][random.below(4)];
    let rest: String = (0..random.below(12)).map(|_| random.of(PIECES)).collect();
    format!("{prefix}{rest}")
}

/// A URI of the right shape with odd parts: mostly accepted.
fn uri(random: &mut Random) -> String {
    let odd = |random: &mut Random| -> String {
        (0..=random.below(3))
            .map(|_| random.of(&["a", "b%20", "%2f", "é", ".", "-", "_", "9", "+", "~", " ", "%25", "'", "\\"]))
            .collect()
    };
    let mut text = String::from("postgresql://");
    if random.below(2) == 0 {
        text += &odd(random);
        if random.below(2) == 0 {
            text += &format!(":{}", odd(random));
        }
        text.push('@');
    }
    for at in 0..random.below(4) {
        text += if at > 0 { "," } else { "" };
        text += &if random.below(4) == 0 { "[fe80::1]".to_owned() } else { odd(random) };
        if random.below(2) == 0 {
            text += &format!(":{}", random.below(70_000));
        }
    }
    if random.below(2) == 0 {
        text += &format!("/{}", odd(random));
    }
    for at in 0..random.below(4) {
        text.push(if at == 0 { '?' } else { '&' });
        let keyword = random.of(&[
            "host",
            "sslmode",
            "user",
            "application_name",
            "options",
            "port",
            "ssl",
            "sslcert",
            "require_auth",
            "x",
        ]);
        text += &format!("{keyword}={}", odd(random));
    }
    text
}

/// Keyword/value pairs of the right shape with odd values: mostly accepted.
fn pairs(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(5) {
        let keyword = random.of(&[
            "host",
            "sslmode",
            "user",
            "password",
            "options",
            "port",
            "sslrootcert",
            "channel_binding",
            "requiressl",
            "x",
        ]);
        let blank = random.of(&["", " ", "\t", "  \n"]);
        let value: String = (0..random.below(4))
            .map(|_| random.of(&["a", "\\'", "\\\\", "\\ ", "é", "=", "%20", "\"", "'", " "]))
            .collect();
        let value = if random.below(2) == 0 { format!("'{value}'") } else { value };
        text += &format!("{keyword}{blank}={}{value}{}", random.of(&["", " "]), random.of(&["", " ", "\n"]));
    }
    text
}

/// A string written by hand, with one piece inserted, removed or doubled.
fn mutated(random: &mut Random) -> String {
    let mut chars: Vec<char> = random.of(WRITTEN).chars().collect();
    let at = random.below(chars.len() + 1);
    match random.below(3) {
        0 => drop(chars.splice(at..at, random.of(PIECES).chars())),
        1 if at < chars.len() => drop(chars.remove(at)),
        _ => {
            let tail = chars.split_off(at);
            chars.extend(tail.iter().rev());
        }
    }
    chars.into_iter().collect()
}

fn corpus() -> Vec<String> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut corpus: Vec<String> = WRITTEN.iter().map(|text| (*text).to_owned()).collect();
    for _ in 0..4000 {
        corpus.push(jumble(&mut random));
        corpus.push(uri(&mut random));
        corpus.push(pairs(&mut random));
        corpus.push(mutated(&mut random));
    }
    corpus
}

/// libpq's answers, and its major version.
fn libpq(python: &str, library: Option<&str>, corpus: &[String]) -> (u8, Vec<serde_json::Value>) {
    let input: String = corpus.iter().map(|text| serde_json::to_string(text).unwrap() + "\n").collect();
    versioned(ask(python, "differential_dsn.py", library, input))
}

/// libpq's major version, which a script says first, and its answers.
fn versioned(answers: Vec<serde_json::Value>) -> (u8, Vec<serde_json::Value>) {
    let mut answers = answers.into_iter();
    let version = answers.next().unwrap()["version"].as_u64().unwrap() / 10_000;
    (u8::try_from(version).unwrap(), answers.collect())
}

/// Runs one of the scripts over lines of JSON.
fn ask(python: &str, script: &str, argument: Option<&str>, input: String) -> Vec<serde_json::Value> {
    let mut child = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(file!()).with_file_name(script))
        .args(argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("PYTHON={python} does not run: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let written = writer.join().unwrap();
    assert!(output.status.success(), "PYTHON={python} must have psycopg2 (package psycopg2-binary)");
    written.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Our answer in the form of the script's.
fn ours(text: &str, version: u8) -> serde_json::Value {
    match Conninfo::parse_as(text, version) {
        Ok(conninfo) => {
            let params: BTreeMap<_, _> =
                conninfo.params().into_iter().map(|(k, v)| (k, v.expose().to_owned())).collect();
            serde_json::json!({ "ok": params })
        }
        Err(error) if error.kind == DsnErrorKind::NotUtf8 => {
            serde_json::json!({ "undecodable": true })
        }
        Err(_) => serde_json::json!({ "err": true }),
    }
}

fn compare(python: &str, library: Option<&str>) {
    let corpus = corpus();
    let (version, answers) = libpq(python, library, &corpus);
    assert_eq!(answers.len(), corpus.len());
    let mut accepted = 0;
    let mut differences = Vec::new();
    for (text, theirs) in corpus.iter().zip(&answers) {
        let ours = ours(text, version);
        accepted += usize::from(theirs.get("ok").is_some());
        // A string with two faults may be refused for either: a value that is not UTF-8 is a refusal to us only.
        let both_refuse = ours.get("ok").is_none() && theirs.get("ok").is_none();
        if ours != *theirs && !both_refuse {
            differences.push(format!("{text:?}\n  ours  {ours}\n  libpq {theirs}"));
        }
    }
    println!("libpq {version}: {} strings, {accepted} accepted, {} differences", corpus.len(), differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn agrees_with_libpq() {
    let python =
        std::env::var("PYTHON").unwrap_or_else(|_| crate::support::tools::python_with_psycopg2().display().to_string());
    compare(&python, None);
    if let Ok(library) = std::env::var("LIBPQ") {
        compare(&python, Some(&library));
    }
}

/// The real file system with an environment of our own.
struct Real(BTreeMap<String, String>, u8);

impl Surroundings for Real {
    fn env(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
    fn stat(&self, path: &str) -> io::Result<Stat> {
        std::fs::metadata(path).map(|found| Stat { regular: found.is_file(), mode: found.mode() & 0o777 })
    }
    fn home(&self) -> Option<String> {
        None
    }
    fn libpq_version(&self) -> u8 {
        self.1
    }
    fn user(&self) -> Option<String> {
        let id = Command::new("id").arg("-un").output().ok()?;
        Some(String::from_utf8(id.stdout).ok()?.trim().to_owned())
    }
}

/// The keywords that are compared; the script has the same list.
const COMPARED: &[&str] =
    &["user", "dbname", "host", "hostaddr", "port", "sslmode", "sslrootcert", "connect_timeout", "application_name"];

/// Files of the scenarios, under one directory: name, mode, text.
const FILES: &[(&str, u32, &str)] = &[
    (
        ".pg_service.conf",
        0o644,
        "# comment\n\n[app]\nhost=127.0.0.3\nport=3\nport=4\nsslmode=verify-ca\n[sys]tail\ndbname= spaced \n[bad]\nnonsense\n[nest]\nservice=app\n[key]\nfoo=bar\n[blank]\n host = 127.0.0.9\n[app]\nuser=late\n",
    ),
    ("sys/pg_service.conf", 0o644, "[system]\nuser=sysuser\nconnect_timeout=7\n"),
    (
        "pass",
        0o600,
        "#x\n127.0.0.1:1:d:u:first\nlocalhost:*:*:*:sock\n127.0.0.2:*:*:u\\:x:es\\:c\\\\aped:rest\n*:*:*:any:any\n127.0.0.9:9:*:*:crlf\r\n\\1\\2\\7.0.0.4:*:*:*:odd\\\n",
    ),
    ("open", 0o640, "*:*:*:*:open"),
];

const DSNS: &[&str] = &[
    "",
    "host=127.0.0.1 port=1",
    "host=127.0.0.1 port=1 user=u dbname=d",
    "host=127.0.0.1,127.0.0.2 port=1",
    "host=a,b port=1,2,3",
    "host=a hostaddr=127.0.0.1,127.0.0.2",
    "hostaddr=127.0.0.1 port=1 user=u dbname=d sslmode=prefer",
    "host=127.0.0.2 port=2 user=u:x",
    "host=127.0.0.2 port=1 user=any",
    "host=127.0.0.9 port=9",
    "host=127.0.0.4 port=9",
    "host=/nowhere user=any",
    "host='' user=u",
    "service=app",
    "service=app host=127.0.0.1 port=1",
    "service=sys host=127.0.0.1 port=1",
    "service=bad",
    "service=nest",
    "service=key",
    "service=blank",
    "service=system host=127.0.0.1 port=1",
    "service=none",
    "service=''",
    "sslrootcert=system host=127.0.0.1 port=1",
    "sslrootcert=system sslmode=require host=127.0.0.1 port=1",
    "sslrootcert=system sslmode=verify-full host=127.0.0.1 port=1",
    "sslmode=REQUIRE host=127.0.0.1 port=1",
    "sslmode='' host=127.0.0.1 port=1",
    "user='' host=127.0.0.1 port=1",
    "dbname='' user=q host=127.0.0.1 port=1",
    "sslnegotiation=direct host=127.0.0.1 port=1",
    "sslnegotiation=direct sslmode=require host=127.0.0.1 port=1",
    "channel_binding=maybe host=127.0.0.1 port=1",
    "target_session_attrs=primary host=127.0.0.1 port=1",
    "target_session_attrs=Primary host=127.0.0.1 port=1",
    "load_balance_hosts=yes host=127.0.0.1 port=1",
    "ssl_min_protocol_version=tlsv1.3 host=127.0.0.1 port=1",
    "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2 host=127.0.0.1 port=1",
    "ssl_min_protocol_version=1.2 host=127.0.0.1 port=1",
    "gssencmode=on host=127.0.0.1 port=1",
    "sslcertmode=require host=127.0.0.1 port=1",
    "postgres://u:given@127.0.0.1:1/d",
    "postgres://127.0.0.1:1?ssl=true",
    "port=0 host=127.0.0.1",
    "port=x host=127.0.0.1",
    "require_auth=none host=127.0.0.1 port=1",
    "require_auth=bogus host=127.0.0.1 port=1",
    "require_auth=!password,md5 host=127.0.0.1 port=1",
    "require_auth=md5,md5 host=127.0.0.1 port=1",
    "require_auth=md5,scram-sha-256 host=127.0.0.1 port=1",
    "host=127.0.0.1 port=' 1 '",
    "host=/nowhere sslnegotiation=direct",
    "host=/nowhere sslmode=bogus",
    "host=/nowhere sslrootcert=system sslmode=require",
    "host=@abstract sslmode=verify-full",
    "host=/a,127.0.0.1 hostaddr=,127.0.0.1 port=1",
    "host=, port=,",
    "hostaddr=127.0.0.1, port=1 sslmode=prefer",
    "host=127.0.0.1 port=1, ",
];

/// Environments in which every string is resolved; `@` stands for the directory of [`FILES`].
const ENVIRONMENTS: &[&[(&str, &str)]] = &[
    &[],
    &[("PGPASSFILE", "@/pass"), ("PGUSER", "any")],
    &[("PGPASSFILE", "@/open"), ("PGSYSCONFDIR", "@/sys"), ("PGHOST", "127.0.0.1"), ("PGPORT", "1")],
    &[("PGSSLMODE", "verify-full"), ("PGREQUIRESSL", "1"), ("PGPASSWORD", "from-env"), ("PGDATABASE", "envdb")],
    &[("PGREQUIRESSL", "1"), ("PGSERVICE", "app"), ("PGPASSFILE", "@/pass"), ("PGCONNECT_TIMEOUT", "9")],
    &[("PGREQUIRESSL", "0"), ("PGSSLROOTCERT", "system"), ("PGAPPNAME", "x")],
    &[("PGSERVICEFILE", "@/missing"), ("PGHOSTADDR", "127.0.0.1")],
    &[("PGSSLMODE", ""), ("PGHOST", "")],
];

/// Our answer in the form of the script's.
fn our_resolution(dsn: &str, env: BTreeMap<String, String>, version: u8) -> serde_json::Value {
    let around = Real(env, version);
    let resolved = Conninfo::parse_as(dsn, version).map(|conninfo| resolve(&conninfo, &around, Client::Libpq));
    let Ok(resolved) = resolved else {
        return serde_json::json!({ "refused": true });
    };
    if !effective(&resolved, &around).errors.is_empty() {
        return serde_json::json!({ "refused": true });
    }
    let params: BTreeMap<_, _> = COMPARED.iter().filter_map(|name| Some((*name, resolved.get(name)?))).collect();
    let password = resolved.password(0).map(|text| text.expose_secret().to_owned()).unwrap_or_default();
    serde_json::json!({ "params": params, "password": password })
}

fn resolves_like_libpq() {
    let python =
        std::env::var("PYTHON").unwrap_or_else(|_| crate::support::tools::python_with_psycopg2().display().to_string());
    let home = std::env::temp_dir().join(format!("differential-dsn-{}", std::process::id()));
    std::fs::create_dir_all(home.join("sys")).unwrap();
    std::fs::create_dir_all(home.join(".postgresql")).unwrap();
    for (name, mode, text) in FILES.iter().chain(&[(".postgresql/root.crt", 0o644, "-----BEGIN CERTIFICATE-----\n")]) {
        let file =
            std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(*mode).open(home.join(name));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }
    let home_text = home.to_str().unwrap().to_owned();
    let mut scenarios = Vec::new();
    for environment in ENVIRONMENTS {
        let mut env: BTreeMap<String, String> =
            environment.iter().map(|(name, text)| ((*name).to_owned(), text.replace('@', &home_text))).collect();
        env.insert("HOME".to_owned(), home_text.clone());
        scenarios.extend(DSNS.iter().map(|dsn| (*dsn, env.clone())));
    }
    let input: String =
        scenarios.iter().map(|(dsn, env)| serde_json::json!({ "dsn": dsn, "env": env }).to_string() + "\n").collect();
    let (version, answers) = versioned(ask(&python, "differential_resolve.py", None, input));
    assert_eq!(answers.len(), scenarios.len());
    let mut differences = Vec::new();
    for ((dsn, env), theirs) in scenarios.iter().zip(&answers) {
        let ours = our_resolution(dsn, env.clone(), version);
        if ours != *theirs {
            differences.push(format!("{dsn:?} {env:?}\n  ours  {ours}\n  libpq {theirs}"));
        }
    }
    std::fs::remove_dir_all(&home).unwrap();
    let refused = answers.iter().filter(|answer| answer.get("refused").is_some()).count();
    println!("libpq {version}: {} scenarios, {refused} refused, {} differences", scenarios.len(), differences.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![agrees_with_libpq, resolves_like_libpq]
}
