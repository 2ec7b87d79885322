//! CORS by harden and by Chromium, on the same servers: for every answer and every origin both have to say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use crate::support::browser;
use crate::support::harden::harden;
use crate::support::host::Root;
use crate::support::web::{Reply, Request, WebServer, answer};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![harden_decides_as_chromium_does, look_alikes_that_careless_servers_admit]
}

/// One way to answer. `{o}` stands for the Origin that was sent, and `{page}` for the first page's origin.
struct Case {
    /// What a GET gets: status and header lines.
    simple: (u16, &'static str),
    /// What a preflight gets.
    preflight: (u16, &'static str),
    method: &'static str,
    header: &'static str,
}

const ORIGIN: &str = "Access-Control-Allow-Origin: {o}\n";
const BOTH: &str = "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Credentials: true\n";

/// Answers to a plain GET.
const SIMPLE: &[(u16, &str)] = &[
    (200, ""),
    (200, ORIGIN),
    (200, BOTH),
    (200, "Access-Control-Allow-Origin: {page}"),
    (200, "Access-Control-Allow-Origin: {page}\nAccess-Control-Allow-Credentials: true"),
    (200, "Access-Control-Allow-Origin: *"),
    (200, "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Credentials: true"),
    (200, "Access-Control-Allow-Origin:   \t*\t "),
    (200, "Access-Control-Allow-Origin: \"*\""),
    (200, "Access-Control-Allow-Origin: *, *"),
    (200, "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Origin: {o}"),
    (200, "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Origin: {o}"),
    (200, "Access-Control-Allow-Origin: {o}, https://other.example"),
    (200, "Access-Control-Allow-Origin: {o} https://other.example"),
    (200, "Access-Control-Allow-Origin: {o}/"),
    (200, "Access-Control-Allow-Origin: {O}"),
    (200, "Access-Control-Allow-Origin: \"{o}\""),
    (200, "Access-Control-Allow-Origin: null"),
    (200, "Access-Control-Allow-Origin: null\nAccess-Control-Allow-Credentials: true"),
    (200, "Access-Control-Allow-Origin: Null"),
    (200, "Access-Control-Allow-Origin:"),
    (200, "Access-Control-Allow-Origin: http://*.localhost"),
    (200, "Access-Control-Allow-Origin: https://harden-probe.invalid"),
    (200, "access-control-ALLOW-origin: {o}"),
    (200, "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Credentials: True"),
    (200, "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Credentials: 1"),
    (200, "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Credentials: true, true"),
    (
        200,
        "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Credentials: true\nAccess-Control-Allow-Credentials: true",
    ),
    (200, "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Credentials: false"),
    (200, "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Credentials:"),
    (404, BOTH),
    (403, BOTH),
    (500, ORIGIN),
    (500, ""),
    (302, "Location: /landing"),
    (302, "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Credentials: true\nLocation: /landing"),
    (302, "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Credentials: true\nLocation: /silent"),
    (307, "Access-Control-Allow-Origin: *\nLocation: landing/../landing"),
];

/// Answers to a preflight, with the method and the header that the page wants to send.
const PREFLIGHTS: &[(u16, &str, &str, &str)] = &[
    (204, "", "PUT", "x-test"),
    (204, "Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (200, "{both}Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (204, "{both}Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (299, "{both}Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (
        301,
        "{both}Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test\nLocation: /landing",
        "PUT",
        "x-test",
    ),
    (304, "{both}Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (400, "{both}Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (404, "{both}Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (500, "{both}Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (
        204,
        "{both}Access-Control-Allow-Methods: GET, PUT , DELETE\nAccess-Control-Allow-Headers: a,X-TEST,b",
        "PUT",
        "x-test",
    ),
    (204, "{both}Access-Control-Allow-Methods: GET,,PUT,\nAccess-Control-Allow-Headers: ,x-test", "PUT", "x-test"),
    (
        204,
        "{both}Access-Control-Allow-Methods: GET\nAccess-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test",
        "PUT",
        "x-test",
    ),
    (204, "{both}Access-Control-Allow-Methods: put\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (204, "{both}Access-Control-Allow-Methods: PUT DELETE\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (204, "{both}Access-Control-Allow-Methods: PUT, (x)\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (204, "{both}Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test y", "PUT", "x-test"),
    (204, "{both}Access-Control-Allow-Methods: \"PUT\"\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (204, "{both}Access-Control-Allow-Methods: *\nAccess-Control-Allow-Headers: *", "PUT", "x-test"),
    (204, "{both}Access-Control-Allow-Methods: *\nAccess-Control-Allow-Headers: x-test", "PUT", "x-test"),
    (
        204,
        "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Methods: *\nAccess-Control-Allow-Headers: *",
        "PUT",
        "x-test",
    ),
    (
        204,
        "Access-Control-Allow-Origin: {o}\nAccess-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test",
        "PUT",
        "x-test",
    ),
    (
        204,
        "Access-Control-Allow-Origin: null\nAccess-Control-Allow-Credentials: true\nAccess-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test",
        "PUT",
        "x-test",
    ),
    (204, "{both}Access-Control-Allow-Headers: x-test", "POST", "x-test"),
    (204, "{both}Access-Control-Allow-Methods: PUT\nAccess-Control-Allow-Headers: x-test", "POST", "x-test"),
    (204, "{both}Access-Control-Allow-Headers: content-type", "POST", "content-type"),
    (204, "{both}Access-Control-Allow-Headers: x-other", "POST", "content-type"),
    (204, "{both}", "POST", "content-type"),
    (204, "{both}Access-Control-Allow-Headers: *", "POST", "authorization"),
    (204, "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Headers: *", "POST", "authorization"),
    (204, "Access-Control-Allow-Origin: *\nAccess-Control-Allow-Headers: *, Authorization", "POST", "authorization"),
    (204, "{both}Access-Control-Allow-Headers: Authorization", "POST", "authorization"),
    (204, "{both}Access-Control-Allow-Methods: PATCH\nAccess-Control-Allow-Headers: x-test", "PATCH", "x-test"),
    (204, "{both}Access-Control-Allow-Methods: PATCH\nAccess-Control-Allow-Headers: x-test", "patch", "x-test"),
    (204, "{both}Access-Control-Allow-Methods: DELETE\nAccess-Control-Allow-Headers: x-test", "DELETE", "x-test"),
];

fn cases() -> Vec<Case> {
    let simple = SIMPLE.iter().map(|(status, lines)| Case {
        simple: (*status, lines),
        preflight: (204, ""),
        method: "PUT",
        header: "x-test",
    });
    let preflights = PREFLIGHTS.iter().map(|(status, lines, method, header)| Case {
        simple: (200, BOTH),
        preflight: (*status, lines),
        method,
        header,
    });
    simple.chain(preflights).collect()
}

/// `/case/N`, with anything behind a `?`.
fn number(target: &str) -> Option<usize> {
    target.split('?').next()?.strip_prefix("/case/")?.parse().ok()
}

fn lines(template: &str, request: &Request, page: &str) -> String {
    let origin = request.header("origin").unwrap_or("none");
    let text = template.replace("{both}", BOTH).replace("{page}", page);
    text.replace("{o}", origin).replace("{O}", &origin.to_uppercase().replace("HTTP://", "http://"))
}

/// The server whose answers are judged. What is not a preflight is answered with success for preflighted methods, so that
/// the page sees whether the browser sent it.
fn target(page: String) -> WebServer {
    let cases = cases();
    WebServer::start(move |request| match (number(&request.target), request.target.as_str()) {
        (Some(index), _) => match request.method.as_str() {
            "OPTIONS" => {
                let (status, template) = cases[index].preflight;
                answer(status, &lines(template, request, &page), "")
            }
            "GET" => {
                let (status, template) = cases[index].simple;
                answer(status, &lines(template, request, &page), "seen")
            }
            _ => answer(200, &lines(BOTH, request, &page), "sent"),
        },
        (None, "/landing") => answer(200, &lines(BOTH, request, &page), "seen"),
        (None, _) => answer(200, "", "seen"),
    })
}

/// What a page finds out: origin, case, `simple` or `preflight`, `omit` or `include`.
type Verdicts = BTreeMap<(String, usize, &'static str, &'static str), bool>;

/// The pages: one that tries everything for the origin that it was opened with, and shows itself again in a sandboxed frame,
/// whose origin is null.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>cors</title><script>
const base = BASE, cases = CASES;
async function attempt(url, options) {
  try { const answer = await fetch(url, options); await answer.text(); return true } catch { return false }
}
async function one(index, credentials) {
  const [method, header] = cases[index], from = encodeURIComponent(origin);
  const simple = await attempt(`${base}/case/${index}?${credentials}-${from}`, { credentials, cache: "no-store" });
  const value = header === "content-type" ? "application/json" : "1";
  const options = { method, credentials, cache: "no-store", headers: { [header]: value } };
  const preflight = await attempt(`${base}/case/${index}?p-${credentials}-${from}`, options);
  return [index, credentials, simple, preflight];
}
(async () => {
  const jobs = cases.flatMap((_, index) => ["omit", "include"].map(credentials => [index, credentials]));
  const results = [];
  const worker = async () => { for (let job; (job = jobs.shift()); ) results.push(await one(...job)) };
  await Promise.all([worker(), worker(), worker(), worker()]);
  await fetch("/report", { method: "POST", mode: "no-cors", body: JSON.stringify({ origin, results }) });
})();
</script>"#;

/// The pages' server; the port of the server that they ask is known once both are there.
fn pages(target: Arc<OnceLock<u16>>) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| {
        let port = target.get().copied().unwrap_or_default();
        let cases: Vec<Value> = cases().iter().map(|case| json!([case.method, case.header])).collect();
        let base = json!(format!("http://127.0.0.1:{port}")).to_string();
        let page = PAGE.replace("BASE", &base).replace("CASES", &Value::from(cases).to_string());
        let html = "Content-Type: text/html; charset=utf-8";
        match request.target.as_str() {
            "/page" => answer(200, html, &page),
            "/frame" => answer(200, html, "<iframe sandbox=\"allow-scripts\" src=\"/page\"></iframe>"),
            "/all" => {
                let own = request.header("host").and_then(|host| host.rsplit_once(':')).map_or("", |(_, port)| port);
                let mut frames = String::new();
                for host in ["app.localhost", "localhost", "127.0.0.1"] {
                    let _ = write!(frames, "<iframe src=\"http://{host}:{own}/page\"></iframe>");
                }
                answer(200, html, &format!("{frames}<iframe src=\"/frame\"></iframe>"))
            }
            _ => answer(204, "", ""),
        }
    }
}

/// What Chromium says.
fn chromium(pages: &WebServer, target: &WebServer, origins: &[String]) -> Verdicts {
    let url = format!("http://top.localhost:{}/all", pages.port());
    let reports = browser::visit(&url, || {
        let reports: Vec<Value> = pages
            .asked()
            .iter()
            .filter(|request| request.target == "/report" && request.method == "POST")
            .filter_map(|request| serde_json::from_str(&request.body).ok())
            .collect();
        let seen: BTreeSet<&str> = reports.iter().filter_map(|report| report["origin"].as_str()).collect();
        origins.iter().all(|origin| seen.contains(origin.as_str())).then_some(reports)
    });
    let mut verdicts = Verdicts::new();
    let asked = target.asked();
    for report in &reports {
        let origin = report["origin"].as_str().expect("an origin");
        for result in report["results"].as_array().expect("results") {
            let index = usize::try_from(result[0].as_u64().expect("a number")).expect("a small one");
            let credentials = if result[1] == "omit" { "omit" } else { "include" };
            verdicts.insert((origin.to_owned(), index, "simple", credentials), result[2] == true);
            // Whether the request itself arrived is what the preflight decides.
            let sent = asked.iter().any(|request| {
                request.method == cases()[index].method
                    && number(&request.target) == Some(index)
                    && request.target.contains(&format!("?p-{credentials}-"))
                    && request.header("origin") == Some(origin)
            });
            assert_eq!(sent, result[3] == true, "the page sees what was sent: {origin} {index} {credentials}");
            verdicts.insert((origin.to_owned(), index, "preflight", credentials), sent);
        }
    }
    verdicts
}

/// What harden says of the same.
fn by_harden(target: &WebServer, origins: &[String]) -> Verdicts {
    let root = Root::new();
    let mut groups: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    let cases = cases();
    for (index, case) in cases.iter().enumerate() {
        groups.entry((case.method, case.header)).or_default().push(index);
    }
    let mut rules = Vec::new();
    for (number, ((method, header), indices)) in groups.into_iter().enumerate() {
        let paths: Vec<String> = indices.iter().map(|index| format!("/case/{index}")).collect();
        let id = format!("own-cors-{number}");
        let rule = format!(
            "id: {id}\ntitle: Nothing is allowed\nseverity: low\nphase: post\nwhy: w\nfix: f\nrefs: {{ fetch: CORS }}\n\
             check:\n  resource: cors\n  with: {{ path: {paths:?}, method: {method}, header: {header} }}\n  \
             absent: fail\n  expect: {{ allowed: false, with_credentials: false }}\n"
        );
        root.file(&format!("/rules/{id}.yaml"), &rule, 0o644);
        rules.push(id);
    }
    let meant: Vec<&String> = origins.iter().filter(|origin| *origin != "null").collect();
    let config = format!(
        "rules = [\"rules\"]\n[[targets.endpoints]]\nname = \"t\"\nurl = \"{}\"\norigins = {meant:?}\n",
        target.url("/")
    );
    root.file("/harden.toml", &config, 0o644);
    let config = root.dir().join("harden.toml").display().to_string();
    let empty = Root::new().dir().display().to_string();
    let mut arguments = vec!["collect", "--config", &config, "--root", &empty, "--timeout", "60"];
    rules.iter().for_each(|id| arguments.extend(["--rule", id]));
    let facts = harden(arguments).run().expect_code(0).json();
    let mut verdicts = Verdicts::new();
    for query in facts["queries"].as_array().expect("queries") {
        let index = number(query["with"]["path"].as_str().expect("a path")).expect("a case");
        for subject in query["subjects"].as_array().unwrap_or_else(|| panic!("no subjects: {query}")) {
            let fields = &subject["fields"];
            let origin = fields["origin"].as_str().expect("an origin").to_owned();
            for (how, credentials, name) in [
                ("simple", "omit", "allowed"),
                ("simple", "include", "with_credentials"),
                ("preflight", "omit", "preflight_allowed"),
                ("preflight", "include", "preflight_with_credentials"),
            ] {
                let verdict = fields[name].as_bool().unwrap_or_else(|| panic!("{name} of {subject}"));
                verdicts.insert((origin.clone(), index, how, credentials), verdict);
            }
        }
    }
    verdicts
}

fn harden_decides_as_chromium_does() {
    let port = Arc::new(OnceLock::new());
    let pages = WebServer::start(pages(port.clone()));
    let mut origins: Vec<String> =
        ["app.localhost", "localhost", "127.0.0.1"].map(|host| format!("http://{host}:{}", pages.port())).to_vec();
    let target = target(origins[0].clone());
    port.set(target.port()).expect("set once");
    origins.push("null".to_owned());
    let browser = chromium(&pages, &target, &origins);
    let ours = by_harden(&target, &origins);
    let wanted = cases().len() * origins.len() * 4;
    assert_eq!(browser.len(), wanted, "every case of every origin");
    let mut wrong = String::new();
    for (key, verdict) in &browser {
        let said = ours.get(key);
        if said != Some(verdict) {
            let (origin, index, how, credentials) = key;
            let case = &cases()[*index];
            let shown = if *how == "simple" { case.simple } else { case.preflight };
            let _ = writeln!(wrong, "{origin} {how} {credentials} {shown:?}: chromium {verdict}, harden {said:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let allowed = browser.values().filter(|verdict| **verdict).count();
    eprintln!("  {} decisions, {allowed} of them yes, all as chromium's", browser.len());
    assert!(allowed > wanted / 10 && allowed < wanted * 9 / 10, "both answers occur: {allowed} of {wanted}");
}

/// A server that compares origins carelessly, in the ways that real ones do.
fn careless(admits: fn(&str, &str) -> bool) -> WebServer {
    WebServer::start(move |request| {
        let origin = request.header("origin").unwrap_or_default();
        match admits(origin, "https://app.example.com") {
            true => answer(200, &format!("Vary: Origin\n{}", BOTH.replace("{o}", origin)), "x"),
            false => answer(200, "Vary: Origin", "x"),
        }
    })
}

fn look_alikes_that_careless_servers_admit() {
    type Admits = fn(&str, &str) -> bool;
    let servers: [(Admits, &[&str]); 8] = [
        (|origin, own| origin == own, &["configured"]),
        (
            |_, _| true,
            &["configured", "dot", "local", "null", "plain-http", "prefix", "stranger", "subdomain", "suffix"],
        ),
        (|origin, own| origin.starts_with(own), &["configured", "prefix"]),
        (|origin, _| origin.ends_with("app.example.com"), &["configured", "plain-http", "subdomain", "suffix"]),
        (|origin, _| origin.ends_with(".example.com"), &["configured", "plain-http", "subdomain", "suffix"]),
        (|origin, own| origin == own || origin == "null", &["configured", "null"]),
        (|origin, own| origin == own || origin.starts_with("http://localhost:"), &["configured", "local"]),
        (|origin, own| origin.len() == own.len() && origin.ends_with("example.com"), &["configured", "dot"]),
    ];
    for (admits, expected) in servers {
        let server = careless(admits);
        let root = Root::new();
        let config = format!(
            "[[targets.endpoints]]\nname = \"t\"\nurl = \"{}\"\norigins = [\"https://app.example.com\"]\n",
            server.url("/")
        );
        root.file("/harden.toml", &config, 0o644);
        let config = root.dir().join("harden.toml").display().to_string();
        let facts = harden(["collect", "--config", &config, "--root", "/", "--rule", "http-cors-credentials"]);
        let facts = facts.run().expect_code(0).json();
        let subjects = facts["queries"][0]["subjects"].as_array().expect("subjects").clone();
        let admitted: BTreeSet<&str> = subjects
            .iter()
            .filter(|subject| subject["fields"]["with_credentials"] == true)
            .filter_map(|subject| subject["fields"]["kind"].as_str())
            .collect();
        assert_eq!(admitted, expected.iter().copied().collect(), "{subjects:#?}");
    }
}
