//! `http` and `cors` on real servers: nginx set up well and badly, redirects, certificates, and servers that misbehave.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::Child;
use std::time::Duration;

use serde_json::Value;

use crate::support::harden::{Run, harden};
use crate::support::host::Root;
use crate::support::pki::Pki;
use crate::support::session::{component, session};
use crate::support::slow::{Answer, BadServer};
use crate::support::tools;
use crate::support::web::{Reply, WebServer, answer};

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        nginx_set_up_well_passes_and_badly_fails,
        certificates_are_verified,
        redirects_stay_on_the_named_host,
        headers_of_the_configuration_go_to_the_endpoint_alone,
        servers_that_misbehave_are_unknown,
        bodies_and_json,
    ]
}

/// nginx with one configuration, on loopback ports of its own.
pub(crate) struct Nginx {
    child: Child,
}

impl Nginx {
    /// `http` is what stands inside of the block of that name.
    pub(crate) fn start(http: &str, port: u16) -> Nginx {
        let dir = session().instance("nginx");
        let at = dir.display();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {at}/{name};\n"))
            .concat();
        let conf = format!(
            "daemon off;\nmaster_process off;\npid {at}/pid;\nerror_log {at}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n\
             types {{ text/html html; }}\ndefault_type text/html;\n{temporary}{http}\n}}\n"
        );
        tools::write_file(&dir.join("nginx.conf"), conf, 0o644);
        let log = File::create(dir.join("out")).expect("create a log");
        let mut command = component(tools::find("nginx"), &dir);
        command.arg("-p").arg(&dir).arg("-c").arg(dir.join("nginx.conf"));
        command.stdout(log.try_clone().expect("one more handle")).stderr(log);
        let nginx = Nginx { child: command.spawn().expect("start nginx") };
        let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        tools::wait_until("nginx", Duration::from_secs(20), listens, || tools::tail(&dir.join("out")));
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `harden <arguments>` with a configuration file that holds `endpoint` as an endpoint, and nothing else to look at.
pub(crate) fn with_endpoint(endpoint: &str, arguments: &[&str]) -> Run {
    let root = Root::new();
    root.file("/harden.toml", format!("[[targets.endpoints]]\nname = \"e\"\n{endpoint}\n"), 0o644);
    let config = root.dir().join("harden.toml").display().to_string();
    let empty = Root::new().dir().display().to_string();
    harden(arguments.iter().copied().chain(["--config", &config, "--root", &empty]))
        .env("TOKEN", "hunter2-hunter2")
        .run()
}

/// The verdict of each rule of the profile on the endpoint, the worst of its findings.
fn verdicts(endpoint: &str) -> BTreeMap<String, String> {
    let run = with_endpoint(endpoint, &["check", "--profile", "http-strict", "--format", "json"]);
    let mut verdicts: BTreeMap<String, String> = BTreeMap::new();
    let worst = |status: &str| ["not_applicable", "pass", "unknown", "fail"].iter().position(|known| *known == status);
    for finding in run.json()["findings"].as_array().unwrap_or_else(|| panic!("no findings: {run:?}")) {
        let (rule, status) = (finding["rule"].as_str().expect("a rule"), finding["status"].as_str().expect("a status"));
        let known = verdicts.entry(rule.to_owned()).or_insert_with(|| status.to_owned());
        if worst(status) > worst(known) {
            *known = status.to_owned();
        }
    }
    verdicts
}

/// The fields of the one subject that this query saw; `with` is written as in a rule.
fn fields(endpoint: &str, with: &str) -> Result<Value, String> {
    let facts = facts(endpoint, with);
    let query = &facts["queries"][0];
    match query["failed"]["reason"].as_str() {
        Some(reason) => Err(reason.to_owned()),
        None => Ok(query["subjects"][0]["fields"].clone()),
    }
}

fn facts(endpoint: &str, with: &str) -> Value {
    let rules = Root::new();
    let rule = format!(
        "id: own-http\ntitle: It answers\nseverity: low\nphase: post\nwhy: w\nfix: f\nrefs: {{ rfc: \"9110\" }}\n\
         check:\n  resource: http\n  with: {with}\n  absent: not-applicable\n  expect: {{ status: 200 }}\n"
    );
    rules.file("/own-http.yaml", &rule, 0o644);
    let folder = rules.dir().display().to_string();
    with_endpoint(endpoint, &["collect", "--rules", &folder, "--rule", "own-http"]).expect_code(0).json()
}

/// Headers as they should be.
const GOOD: &str = "
    add_header Strict-Transport-Security 'max-age=63072000; includeSubDomains; preload' always;
    add_header Content-Security-Policy \"default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'\" always;
    add_header X-Content-Type-Options nosniff always;
    add_header X-Frame-Options DENY always;
    add_header Referrer-Policy strict-origin-when-cross-origin always;
    add_header Permissions-Policy 'camera=(), geolocation=()' always;
    add_header Cross-Origin-Opener-Policy same-origin always;
    add_header Cross-Origin-Resource-Policy same-origin always;
    add_header Cache-Control no-store always;
    add_header Set-Cookie '__Host-sessionid=0123456789; Secure; HttpOnly; SameSite=Lax; Path=/' always;
    add_header Vary Origin always;
    server_tokens off;";

/// The same mistakes that real configurations make.
const BAD: &str = "
    add_header Strict-Transport-Security 'max-age=3600' always;
    add_header Content-Security-Policy \"script-src * 'unsafe-inline' 'unsafe-eval'\" always;
    add_header X-Frame-Options 'ALLOW-FROM https://partner.example' always;
    add_header X-Frame-Options 'ALLOW-FROM https://partner.example' always;
    add_header Referrer-Policy unsafe-url always;
    add_header Permissions-Policy \"camera 'none'\" always;
    add_header X-XSS-Protection 1 always;
    add_header X-Powered-By PHP/8.1.2 always;
    add_header X-AspNet-Version 4.0.30319 always;
    add_header Public-Key-Pins 'pin-sha256=\"x\"; max-age=1' always;
    add_header Set-Cookie 'sessionid=0123456789' always;
    add_header Set-Cookie 'other=1; SameSite=None' always;
    add_header Access-Control-Allow-Origin $http_origin always;
    add_header Access-Control-Allow-Credentials true always;
    add_header Access-Control-Allow-Headers content-type always;
    add_header Access-Control-Allow-Methods PUT always;";

fn nginx_set_up_well_passes_and_badly_fails() {
    let dir = session().instance("pki");
    let pki = Pki::create(&dir, "web CA");
    pki.issue_server("web");
    let (plain, good, bad) = (tools::free_port(), tools::free_port(), tools::free_port());
    let tls = format!(
        "ssl_certificate {};\nssl_certificate_key {};",
        pki.certificate("web").display(),
        pki.key("web").display()
    );
    let http = format!(
        "server {{ listen 127.0.0.1:{plain}; location / {{ return 301 https://localhost:{good}$request_uri; }} }}
         server {{ listen 127.0.0.1:{good} ssl; {tls} {GOOD} location / {{ return 200 '<p>good'; }} location /private {{ return 401 'no'; }} }}
         server {{ listen 127.0.0.1:{bad} ssl; {tls} {BAD} location / {{ return 200 '<p>bad'; }} }}"
    );
    let _nginx = Nginx::start(&http, plain);
    let ca = pki.ca().display().to_string();
    let endpoint =
        |port: u16| format!("url = \"https://localhost:{port}/\"\nca = \"{ca}\"\nconnect = \"127.0.0.1:{port}\"\n");
    let inputs = "[inputs]\nprivate_paths = [\"/private\"]\nhealth_paths = [\"/\"]";
    let well = verdicts(&format!("{}{inputs}", endpoint(good)));
    assert!(well.values().all(|status| ["pass", "not_applicable"].contains(&status.as_str())), "{well:#?}");
    let passed = well.values().filter(|status| *status == "pass").count();
    assert!(passed >= 25, "{passed} pass: {well:#?}");
    let inputs =
        "origins = [\"https://app.example.com\"]\n[inputs]\nprivate_paths = [\"/private\"]\nhealth_paths = [\"/\"]";
    let badly = verdicts(&format!("{}{inputs}", endpoint(bad)));
    let spared: Vec<&String> = badly.iter().filter(|(_, status)| *status != "fail").map(|(rule, _)| rule).collect();
    let expected = [
        // What nginx does right by itself, or the bad configuration does not touch.
        "http-clock",
        "http-cors-configured",
        "http-cors-localhost",
        "http-cors-plain-http",
        "http-cors-subdomain",
        "http-cors-wildcard-credentials",
        "http-csp",
        "http-health",
        "http-hsts",
        "http-redirects-to-https",
        "http-trace",
    ];
    assert_eq!(spared, expected, "{badly:#?}");
    // In the clear: a redirect to another port than the one that stands in for the host.
    let seen = fields(&format!("url = \"http://localhost:{plain}/a?secret=1\"\nconnect = \"127.0.0.1:{plain}\""), "{}")
        .unwrap();
    assert_eq!(seen["status"], 301);
    assert_eq!(seen["location"], format!("https://localhost:{good}/a?***"));
}

fn certificates_are_verified() {
    let dir = session().instance("pki");
    let pki = Pki::create(&dir, "one CA");
    let other = Pki::create(&session().instance("pki"), "another CA");
    pki.issue_server("web");
    let port = tools::free_port();
    let http = format!(
        "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {}; location / {{ return 200 x; }} }}",
        pki.certificate("web").display(),
        pki.key("web").display()
    );
    let _nginx = Nginx::start(&http, port);
    let at =
        |host: &str, more: &str| format!("url = \"https://{host}:{port}/\"\nconnect = \"127.0.0.1:{port}\"\n{more}");
    let ca = |pki: &Pki| format!("ca = \"{}\"", pki.ca().display());
    assert_eq!(fields(&at("localhost", &ca(&pki)), "{}").unwrap()["verified"], true);
    let unknown = |endpoint: &str| fields(endpoint, "{}").unwrap_err();
    assert!(unknown(&at("localhost", "")).contains("no trusted authority"));
    assert!(unknown(&at("localhost", &ca(&other))).contains("no trusted authority"));
    assert!(unknown(&at("elsewhere.example", &ca(&pki))).contains("another host"));
    let insecure = fields(&at("elsewhere.example", "insecure = true"), "{}").unwrap();
    assert_eq!((&insecure["verified"], &insecure["status"]), (&Value::from(false), &Value::from(200)));
    // No TLS at all, and TLS where none was expected.
    let plain = BadServer::tcp(Answer::Garbage);
    let wrong =
        unknown(&format!("url = \"https://localhost:{}/\"\nconnect = \"127.0.0.1\"\n{}", plain.port(), ca(&pki)));
    assert!(wrong.contains("TLS"), "{wrong}");
    let clear = fields(&format!("url = \"http://127.0.0.1:{port}/\""), "{}").unwrap();
    assert_eq!(clear["status"], 400, "nginx says so itself");
}

fn redirects_stay_on_the_named_host() {
    let server = WebServer::start(|request| match request.target.as_str() {
        "/ok" => answer(200, "Set-Cookie: b=2", "there"),
        "/one" => answer(302, "Location: two?token=secret\nSet-Cookie: a=1", ""),
        "/two?token=secret" => answer(307, "Location: /ok#x", ""),
        "/loop" => answer(301, "Location: /loop", ""),
        "/away" => answer(301, "Location: https://elsewhere.example/x?token=secret", ""),
        "/port" => answer(301, "Location: http://127.0.0.1:1/", ""),
        "/script" => answer(302, "Location: javascript:alert(1)", ""),
        "/two-ways" => answer(302, "Location: /ok\nLocation: /loop", ""),
        "/nowhere" => answer(302, "", ""),
        target => match target.strip_prefix("/far/").and_then(|number| number.parse::<u32>().ok()) {
            Some(number) => answer(308, &format!("Location: /far/{}", number + 1), ""),
            None => answer(404, "", ""),
        },
    });
    let endpoint = format!("url = \"{}\"", server.url("/"));
    let get = |path: &str| fields(&endpoint, &format!("{{ path: {path} }}")).unwrap();
    let followed = get("/one");
    assert_eq!((&followed["status"], &followed["location"]), (&Value::from(200), &Value::Null));
    let way: Vec<&Value> = followed["redirects"].as_array().unwrap().iter().map(|hop| &hop["url"]).collect();
    assert_eq!(way, [&server.url("/one"), &server.url("/two?***")]);
    assert_eq!(followed["cookies"].as_array().unwrap().len(), 2, "a browser takes those of the way too");
    let stopped = fields(&endpoint, "{ path: /one, redirects: stop }").unwrap();
    assert_eq!((&stopped["status"], &stopped["location"]), (&Value::from(302), &Value::from(server.url("/two?***"))));
    let away = get("/away");
    assert_eq!(away["location"], "https://elsewhere.example/x?***");
    assert!(away["not_followed"].as_str().unwrap().contains("was not named"));
    assert!(get("/port")["not_followed"].as_str().unwrap().contains("port"));
    assert!(get("/loop")["not_followed"].as_str().unwrap().contains("back"));
    assert!(get("/far/1")["not_followed"].as_str().unwrap().contains("too many"));
    assert!(get("/two-ways")["not_followed"].as_str().unwrap().contains("several"));
    assert_eq!(get("/script")["location"]["$invalid"], "a location that browsers would not go to");
    assert_eq!(get("/nowhere")["not_followed"], Value::Null, "no redirect without a location");
    assert!(!facts(&endpoint, "{ path: /away }").to_string().contains("secret"));
}

fn headers_of_the_configuration_go_to_the_endpoint_alone() {
    let server = WebServer::start(|request| match request.header("authorization") {
        Some("hunter2-hunter2") => answer(200, "", "in"),
        _ => answer(401, "", "out"),
    });
    let endpoint = format!("url = \"{}\"\nheaders = {{ Authorization = \"env:TOKEN\" }}", server.url("/"));
    let seen = facts(&endpoint, "{}");
    assert_eq!(seen["queries"][0]["subjects"][0]["fields"]["status"], 200);
    assert!(!seen.to_string().contains("hunter2"));
    assert_eq!(fields(&endpoint, "{ headers: omit }").unwrap()["status"], 401);
    // The question before a request has no credentials, as a browser's has none.
    let run = with_endpoint(&endpoint, &["collect", "--rule", "http-cors-public"]).expect_code(0);
    assert!(!run.stdout.contains("hunter2"));
    let asked = server.asked();
    let sent =
        |method: &str| asked.iter().filter(|r| r.method == method && r.header("authorization").is_some()).count();
    assert_eq!(sent("OPTIONS"), 0);
    assert!(sent("GET") > 4 && asked.iter().all(|request| ["GET", "OPTIONS"].contains(&request.method.as_str())));
}

fn servers_that_misbehave_are_unknown() {
    for bad in [Answer::Silence, Answer::Garbage, Answer::Close] {
        let server = BadServer::tcp(bad);
        let run = with_endpoint(
            &format!("url = \"http://127.0.0.1:{}/\"", server.port()),
            &["check", "--profile", "http", "--format", "json", "--timeout", "3"],
        );
        let run = run.expect_code(3);
        let json = run.json();
        let passed = json["findings"].as_array().unwrap().iter().filter(|finding| finding["status"] == "pass").count();
        assert_eq!(passed, 0, "{bad:?}: {json:#}");
        assert!(run.took < Duration::from_secs(15), "{bad:?}: {:?}", run.took);
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";
    let endless: [(&str, String, &str); 3] = [
        ("a header without end", head.to_owned(), "X-More: y\r\n"),
        ("a header of one endless line", format!("{head}X: "), "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"),
        ("interim answers without end", String::new(), "HTTP/1.1 103 Early Hints\r\n\r\n"),
    ];
    for (what, first, rest) in endless {
        let server =
            WebServer::start(move |_| Reply::Endless(first.clone().into_bytes(), rest.repeat(100).into_bytes()));
        let why = fields(&format!("url = \"{}\"", server.url("/")), "{}").unwrap_err();
        assert!(why.contains("HTTP") || why.contains("within"), "{what}: {why}");
    }
    // Four GiB that are announced, and come: what the header says stands, and the body is given up.
    let server = WebServer::start(move |_| {
        let first = format!("{head}Content-Length: 4294967296\r\n\r\n");
        Reply::Endless(first.into_bytes(), vec![b'x'; 1 << 16])
    });
    let seen = fields(&format!("url = \"{}\"", server.url("/")), "{ json: a }").unwrap();
    assert_eq!((&seen["status"], &seen["document"]), (&Value::from(200), &Value::from(true)));
    assert!(seen["body_size"]["$unknown"].as_str().unwrap().contains("1 MiB"));
    assert!(seen["inline_scripts"]["$unknown"].is_string(), "a policy may stand in what was not read");
    for stall in [Reply::Stall as fn(Vec<u8>) -> Reply, |_| Reply::Reset] {
        let server = WebServer::start(move |_| stall(b"HTTP/1.1 200 OK\r\nX: ".to_vec()));
        fields(&format!("url = \"{}\"", server.url("/")), "{}").unwrap_err();
    }
    let half = WebServer::start(move |_| Reply::Stall(format!("{head}Content-Length: 9\r\n\r\nhalf").into_bytes()));
    let seen = fields(&format!("url = \"{}\"", half.url("/")), "{}").unwrap();
    assert_eq!((&seen["status"], &seen["nosniff"]), (&Value::from(200), &Value::from(false)));
    assert!(seen["body_size"]["$unknown"].is_string());
}

fn bodies_and_json() {
    let server = WebServer::start(|request| match request.target.as_str() {
        "/json" => {
            let body = r#"{"sealed": false, "db": {"status": "up"}, "api_token": "hunter2", "nodes": ["a", "b"], "none": null}"#;
            answer(200, "Content-Type: application/json", body)
        }
        _ => answer(
            200,
            "Content-Type: text/html",
            "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">",
        ),
    });
    let endpoint = format!("url = \"{}\"", server.url("/json"));
    let value =
        |key: &str, ty: &str| fields(&endpoint, &format!("{{ json: {key}, as: {ty} }}")).unwrap()["value"].clone();
    assert_eq!(value("sealed", "bool"), false);
    assert_eq!(value("db.status", "text"), "up");
    assert_eq!(value("nodes.1", "text"), "b");
    assert_eq!(value("none", "text"), Value::Null);
    assert_eq!(value("other", "text"), Value::Null);
    assert!(value("api_token", "text")["$unknown"].is_string(), "its name says that it is a secret");
    assert_eq!(value("api_token", "secret")["$secret"]["length"], 7);
    let page = fields(&endpoint, "{ path: /page, json: a }").unwrap();
    assert!(page["value"]["$unknown"].as_str().unwrap().contains("not JSON"));
    assert!(page["inline_scripts"]["$unknown"].as_str().unwrap().contains("meta"));
    assert_eq!(fields(&endpoint, "{ method: TRACE, redirects: stop }").unwrap()["status"], 200);
}
