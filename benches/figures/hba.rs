//! `access()` on 10,000-line files of adversarial shapes; the bound is one second each.

use std::fmt::Write as _;
use std::io;
use std::time::Instant;

use super::Figure;
use harden::hba::{Catalog, Context, Files, Role, access, parse};

struct One(String);

impl Files for One {
    fn read(&self, _: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.clone().into_bytes())
    }
    fn list_dir(&self, _: &str) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }
}

const LINES: u32 = 10_000;

fn each(line: impl Fn(u32) -> String) -> String {
    (0..LINES).fold(String::new(), |mut text, i| {
        let _ = writeln!(text, "{}", line(i));
        text
    })
}

fn ip(i: u32) -> std::net::Ipv4Addr {
    (0x0a00_0000 + i).into()
}

fn list(prefix: &str, from: u32, n: u32) -> String {
    (from..from + n).map(|i| format!("{prefix}{i}")).collect::<Vec<_>>().join(",")
}

fn shapes() -> Vec<(&'static str, String)> {
    vec![
        (
            "all distinct, then broad",
            each(|i| format!("host d{i} r{i} {}/32 md5", ip(i))) + "host all all all reject\n",
        ),
        ("overlapping CIDRs", each(|i| format!("host all all {}/{} md5", ip(i * 977), 8 + i % 25))),
        ("overlapping CIDRs per db", each(|i| format!("host d{} all {}/{} md5", i % 50, ip(i * 977), 8 + i % 25))),
        ("identical", each(|_| "host all all 10.0.0.0/8 md5".into())),
        (
            "identical lists 100x100",
            each(|_| format!("host {} {} 10.0.0.0/8 md5", list("d", 0, 100), list("r", 0, 100))),
        ),
        (
            "wide lists, same names",
            each(|i| format!("host {} {} {}/24 md5", list("d", 0, 20), list("r", 0, 20), ip(i * 256))),
        ),
        (
            "wide lists, shifting",
            each(|i| format!("host {} {} {}/24 md5", list("d", i, 10), list("r", i, 10), ip(i % 9 * 256))),
        ),
        (
            "one line of 10,000 x 10,000",
            format!("host {} {} all md5\n", list("d", 0, 10_000), list("r", 0, 10_000)).repeat(3),
        ),
        (
            "10,000 x 10,000, then less",
            format!("host {} {} all md5\n", list("d", 0, 10_000), list("r", 0, 10_000))
                + &format!("host {} {} all md5\n", list("d", 0, 9_999), list("r", 0, 9_999)),
        ),
        (
            "alternating /32, then all",
            each(|i| match i % 2 {
                0 => format!("host d all {}/32 md5", ip(i)),
                _ => format!("host all r {}/32 md5", ip(i)),
            }) + "host d r 10.0.0.0/8 trust\n",
        ),
        (
            "evens, odds, then many /16",
            each(|i| match i % 3 {
                0 => format!("host all all {}/32 md5", ip(i / 3 * 2)),
                1 => format!("host d all {}/32 md5", ip(i / 3 * 2 + 1)),
                _ => format!("host d r{i} 10.0.0.0/19 trust"),
            }),
        ),
        ("unknown members", each(|i| format!("host d{i} +g{i} {}/32 md5", ip(i))) + "host all all all reject\n"),
        (
            "unknown members, broad",
            each(|i| {
                format!("host all +g{} {}/8 m{}", i % 9, ip(i), if i % 2 == 0 { "d5" } else { "d5 map=x" })
                    .replace(" map=x", "")
            }),
        ),
        ("host names", each(|i| format!("host all all h{i}.example {}", if i % 2 == 0 { "md5" } else { "trust" }))),
        ("regexes", each(|i| format!("host /^d{} r{i} {}/32 md5", i % 100, ip(i)))),
        ("sameuser and groups", each(|i| format!("host sameuser,samerole +g{} {}/24 md5", i % 100, ip(i * 256)))),
        ("v6", each(|i| format!("hostssl d{} all 2001:db8:{:x}::/48 cert", i % 7, i))),
    ]
}

fn catalog() -> Catalog {
    let member = |i: u32| vec![format!("g{}", i % 100).as_str().into(), format!("g{}", i % 37).as_str().into()];
    let role =
        |name: String, login, member_of| Role { name: name.as_str().into(), superuser: name == "r7", login, member_of };
    let users = (0..1000).map(|i| role(format!("r{i}"), true, member(i)));
    let groups = (0..100).map(|i| role(format!("g{i}"), false, Vec::new()));
    Catalog::new(Some(users.chain(groups).collect()), Some((0..200).map(|i| format!("d{i}").as_str().into()).collect()))
}

pub(crate) fn figure() -> Figure {
    let catalogs = [Catalog::unknown(), catalog()];
    let mut worst = 0_f64;
    for (_, text) in shapes() {
        let start = Instant::now();
        let hba = parse("/pg_hba.conf", &One(text), 16);
        let parsing = start.elapsed().as_secs_f64();
        for catalog in &catalogs {
            let start = Instant::now();
            let map = access(&hba, &Context::declared(catalog));
            worst = worst.max(parsing + start.elapsed().as_secs_f64());
            assert!(!map.classes.is_empty());
        }
    }
    Figure {
        name: "pg_access, worst of 17 shapes",
        unit: "s",
        measured: worst,
        reference: 1.0,
        against: "1 s for 10,000 lines",
    }
}
