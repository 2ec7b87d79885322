//! `ssh_config` as it is read here, against the installed `ssh -G`: a table of configurations, and generated ones.
//! `HARDEN_SSH_FILES` says how many of those, `HARDEN_SSH_SEED` from which seed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use harden::openssh::client;
use harden::openssh::criteria::Connection;
use harden::openssh::keyword::{CLIENT, Keyword, Kind};
use harden::openssh::setting::faults;
use harden::openssh::source::{self, Config, Main, Side};
use harden::openssh::version::Build;
use harden::target::host::Host;
use harden::value::secret::Salt;

use super::sshd::{Dice, Disk, number};
use super::support::tools;

/// A folder with configurations.
struct Bench {
    folder: tempfile::TempDir,
    files: Disk,
    build: Build,
    account: String,
    home: String,
}

impl Bench {
    fn new() -> Self {
        let program = fs::read(tools::find("ssh")).unwrap();
        let build = Build::of_program(&program);
        assert!(build.version.is_some());
        let files = Disk(Host::open(Path::new("/"), Arc::new(Salt::random().unwrap())).unwrap());
        let account = tools::run(Command::new("id").arg("-un"));
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let own = passwd.lines().find(|line| line.starts_with(&format!("{account}:"))).unwrap();
        let home = own.split(':').nth(5).unwrap().to_owned();
        Bench { folder: tempfile::tempdir().unwrap(), files, build, account, home }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn read(&self) -> Config {
        let path = self.path("ssh_config");
        let bytes = fs::read(&path).unwrap();
        let directory = format!("{}/.ssh", self.home);
        let main = Main { path: &path, bytes: &bytes, directory: &directory, home: Some(&self.home) };
        source::read_all(Side::Client, &[main], &self.files)
    }

    /// What ssh says, by keyword; or its refusal.
    fn asked(&self, connection: &Connection) -> Result<BTreeMap<String, Vec<String>>, String> {
        let mut ssh = Command::new(tools::find("ssh"));
        ssh.args(["-G", "-F", &self.path("ssh_config")]);
        if let Some(user) = connection.user.as_deref().filter(|user| !user.is_empty()) {
            ssh.args(["-l", user]);
        }
        ssh.arg("--").arg(connection.original.as_deref().unwrap());
        let said = tools::try_run(&mut ssh)?;
        let mut settings: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in said.lines() {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            settings.entry(keyword.to_ascii_lowercase()).or_default().push(value.to_owned());
        }
        Ok(settings)
    }

    /// Compares every keyword that ssh tells; gives how many, or that it refused.
    fn compare(&self, connection: &Connection) -> Option<usize> {
        let compared = self.differences(connection);
        assert!(compared.1.is_empty(), "{:#?} for {connection:?}\n{}", compared.1, self.text());
        compared.0
    }

    fn differences(&self, connection: &Connection) -> (Option<usize>, Vec<String>) {
        let config = self.read();
        let build = &self.build;
        let faults = faults(&config, Side::Client, build);
        let told = match self.asked(connection) {
            Ok(told) => told,
            Err(refusal) => {
                let wrong = faults.is_empty().then(|| format!("ssh refuses what we take: {refusal}"));
                return (None, wrong.into_iter().collect());
            }
        };
        let (mut compared, mut wrong) = (0, Vec::new());
        if !faults.is_empty() {
            wrong.push(format!("ssh takes what we refuse: {faults:?}"));
        }
        for keyword in CLIENT {
            let chain = client::chain(&config, keyword, build);
            let ours = client::setting(&config, &chain, keyword, build, connection);
            if let Some(why) = ours.unclear {
                wrong.push(format!("{}: {why}", keyword.name));
                continue;
            }
            let Ok(ours) = ours.value else { continue };
            let separator = if matches!(keyword.kind, Kind::Algorithms(_)) { "," } else { " " };
            let ours = self.shown(keyword, ours.join(separator), connection);
            let theirs = theirs(keyword, told.get(keyword.name));
            if ours != theirs {
                wrong.push(format!("{}: {ours:?}, ssh says {theirs:?}", keyword.name));
            }
            compared += 1;
        }
        (Some(compared), wrong)
    }

    /// Our value as ssh shows it: with the home in place of `~`, and with what was typed.
    fn shown(&self, keyword: &Keyword, ours: String, connection: &Connection) -> String {
        let original = connection.original.clone().unwrap();
        match keyword.name {
            "hostname" if ours.is_empty() => original.to_lowercase(),
            "hostname" => ours.replace("%h", &original).to_lowercase(),
            "user" => {
                connection.user.clone().filter(|user| !user.is_empty()).unwrap_or_else(|| match ours.is_empty() {
                    true => self.account.clone(),
                    false => ours,
                })
            }
            "userknownhostsfile" => ours.replace('~', &self.home),
            _ => ours,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                text += &format!("--- {}\n{}", path.display(), fs::read_to_string(&path).unwrap());
            }
        }
        text
    }
}

/// ssh's value, spelt as we spell it. What it does not show is not set.
fn theirs(keyword: &Keyword, said: Option<&Vec<String>>) -> String {
    let text = said.map_or_else(String::new, |said| said.join(" "));
    let none_hidden = [
        "controlpath",
        "knownhostscommand",
        "localcommand",
        "pkcs11provider",
        "proxycommand",
        "proxyjump",
        "remotecommand",
        "revokedhostkeys",
    ];
    match (text.as_str(), keyword.kind) {
        ("", _) if none_hidden.contains(&keyword.name) => "none".to_owned(),
        ("true", Kind::Words(_) | Kind::WordsOr(_) | Kind::AgentKeys) => "yes".to_owned(),
        ("false", Kind::Words(_) | Kind::WordsOr(_) | Kind::AgentKeys) => "no".to_owned(),
        _ => text,
    }
}

const HOSTS: [&str; 5] = ["git", "a.example.org", "B.Example.ORG", "10.1.2.3", "db-1"];

fn connections() -> Vec<Connection> {
    let account = tools::run(Command::new("id").arg("-un"));
    let one = |(i, host): (usize, &&str)| Connection {
        original: Some((*host).to_owned()),
        user: Some(["", "bob", "git", "", "root"][i].to_owned()),
        local_user: Some(account.clone()),
        tag: Some(String::new()),
        ..Connection::default()
    };
    HOSTS.iter().enumerate().map(one).collect()
}

/// Configurations with what goes wrong in others' readers.
const TABLE: &[&str] = &[
    "",
    "# nothing\n\n",
    "ForwardAgent yes\nForwardAgent no\n",
    "Host *\n ForwardAgent no\nHost git\n ForwardAgent yes\n",
    "Host git a.*\n\tPort 2222\n\tUser x\nHost !git *\n\tPort=22022\n",
    "Host a,b git,x\n Port 3\nHost B.Example.ORG\n Port 4\nHost b.example.org\n Port 5\n",
    "Match host b.example.org\n Port 4\nMatch originalhost B.example.org\n Compression yes\n",
    "Host git\n HostName %h.example.org\nMatch host *.example.org\n ForwardX11 yes\nMatch originalhost git\n Port 9\n",
    "Host git\n User git\nMatch user git\n IdentityFile ~/.ssh/x\nMatch user bob,root\n BatchMode yes\n",
    "Match !host *.example.org user !bob,*\n Compression yes\n",
    "Match localuser root\n Port 7\nMatch localuser !root,*\n Port 8\n",
    "Match final all\n Port 5\n Ciphers aes256-ctr\nPort 4\n",
    "Match final host *.example.org\n ServerAliveInterval 5m\nHost git\n HostName x.example.org\n",
    "Match canonical all\n Port 5\nMatch !final all\n Port 6\n",
    "Match final all\n SendEnv A\nSendEnv B -B* C\n",
    "Match all\n Port 1\nMatch host git all\n Compression yes\n",
    "Match !all\n Port 1\n",
    "StrictHostKeyChecking off\nTunnel true\nControlMaster autoask\nControlPersist 10m\nUpdateHostKeys ask\n",
    "StrictHostKeyChecking accept-new\nControlPersist yes\nVerifyHostKeyDNS ask\nCanonicalizeHostname no\n",
    "AddKeysToAgent confirm 5m\nForwardAgent /run/agent\n",
    "AddKeysToAgent 1h\nForwardAgent true\nRequestTTY force\nSessionType none\n",
    "Ciphers +aes256-cbc\nMACs -hmac-sha1*,umac-64*\nKexAlgorithms ^diffie-hellman-group16-sha512\nHostKeyAlgorithms -ssh-rsa*,rsa*\n",
    "PubkeyAcceptedKeyTypes +ssh-rsa\nCASignatureAlgorithms ^rsa-sha2-256\nHostbasedKeyTypes ssh-ed25519\n",
    "ProxyJump a,b\nProxyCommand x\n",
    "ProxyCommand ssh -W %h:%p gate # no comment\nProxyJump a\n",
    "ProxyCommand none\nLocalCommand  a b\nPermitLocalCommand yes\nRemoteCommand none\n",
    "UserKnownHostsFile /a /b\nUserKnownHostsFile /c\nGlobalKnownHostsFile none\nRevokedHostKeys /x\n",
    "SetEnv A=b \"C=d e\"\nSetEnv F=g\nSendEnv LANG LC_*\nSendEnv X\n",
    "RekeyLimit 1G 1h\nIPQoS af21 cs1\nLogLevel debug3\nLogVerbose kex.c:*:1000\nFingerprintHash md5\n",
    "Host nowhere\n SyslogFacility local0\n StreamLocalBindMask 0111\nHost *\n SyslogFacility auth\n StreamLocalBindMask 0177\n",
    "ConnectTimeout 1m30s\nServerAliveCountMax 2\nConnectTimeout none\nNumberOfPasswordPrompts 1\nEscapeChar none\n",
    "IdentityFile /a\nIdentityFile ~/b\nCertificateFile /c\nIdentitiesOnly yes\nIdentityAgent none\nPreferredAuthentications publickey\n",
    "Protocol 2\nCipher 3des\nUseRoaming no\nUsePrivilegedPort no\n",
    "IgnoreUnknown Use*,Foo\nUseKeychain yes\nFoo x\n",
    "PubkeyAuthentication unbound\nChallengeResponseAuthentication no\nDSAAuthentication yes\n",
    "CanonicalDomains a.org b.org\nCanonicalizeMaxDots 0\nPermitRemoteOpen a:1 b:*\nTunnelDevice 1:any\n",
    // What ssh refuses.
    "StrictHostKeyChecking maybe\n",
    "NoSuchKeyword yes\n",
    "Port\n",
    "Host\n",
    "Match\n",
    "Match nothing x\n",
    "Match all host x\n",
    "ForwardX11 yes no\n",
    "ConnectTimeout soon\n",
    "UserKnownHostsFile \"/x\n",
    "Compression delayed\n",
    "NumberOfPasswordPrompts -1\n",
];

fn every_line_of_the_table_is_read_as_ssh_reads_it() {
    let bench = Bench::new();
    let (mut compared, mut refused, mut wrong) = (0, 0, Vec::new());
    for text in TABLE {
        fs::write(bench.path("ssh_config"), text).unwrap();
        for connection in connections() {
            let (keywords, differences) = bench.differences(&connection);
            compared += keywords.unwrap_or(0);
            refused += usize::from(keywords.is_none());
            let about = |what: String| format!("{text:?} for {:?}: {what}", connection.original);
            wrong.extend(differences.into_iter().map(about));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("{compared} settings compared, {refused} times refused");
    assert!(compared > 14_000 && refused >= 5 * 12, "{compared} settings compared, {refused} times refused");
}

fn included_files_stand_in_their_place() {
    let bench = Bench::new();
    let folder = bench.path("d");
    fs::create_dir(&folder).unwrap();
    fs::write(format!("{folder}/10.conf"), "ForwardX11 yes\nHost git\nPort 2\n").unwrap();
    fs::write(format!("{folder}/20.conf"), "ForwardX11 no\nCompression yes\nMatch final all\nPort 8\n").unwrap();
    fs::write(format!("{folder}/.30.conf"), "Port 3\n").unwrap();
    for text in [
        "Include D/*.conf\nPort 9\n",
        "Host a.*\n Include D/10.conf\n Port 5\nHost *\n Port 6\n",
        "Host git\nInclude D/*\nHost 10.*\nInclude D/20.conf D/none*.conf\n",
        "Match user bob\nInclude D/none.conf D/10.conf\nPort 7\n",
    ] {
        fs::write(bench.path("ssh_config"), text.replace("D/", &format!("{folder}/"))).unwrap();
        for connection in connections() {
            assert!(bench.compare(&connection).is_some(), "{text}");
        }
    }
}

/// A line that may stand anywhere.
fn line(dice: &mut Dice) -> String {
    let flags = [
        "ForwardX11",
        "ForwardX11Trusted",
        "PasswordAuthentication",
        "KbdInteractiveAuthentication",
        "ChallengeResponseAuthentication",
        "HostbasedAuthentication",
        "GSSAPIAuthentication",
        "GSSAPIDelegateCredentials",
        "HashKnownHosts",
        "CheckHostIP",
        "Compression",
        "GatewayPorts",
        "PermitLocalCommand",
        "IdentitiesOnly",
        "VisualHostKey",
        "NoHostAuthenticationForLocalhost",
        "ExitOnForwardFailure",
    ];
    match dice.roll(16) {
        0..=3 => format!("{} {}", dice.pick(&flags), dice.pick(&["yes", "no", "No", "\"yes\""])),
        4 => format!("StrictHostKeyChecking {}", dice.pick(&["yes", "no", "ask", "accept-new", "off"])),
        5 => format!("Port {}", dice.pick(&["22", "2222", "443"])),
        6 => format!("HostName {}", dice.pick(&["%h.example.org", "git.example.org", "10.0.0.1"])),
        7 => format!("User {}", dice.pick(&["git", "bob", "root"])),
        8 => format!("SendEnv {}", dice.pick(&["LANG", "LC_* A", "-L*"])),
        9 => format!("IdentityFile {}", dice.pick(&["/k/a", "/k/b"])),
        // No paths here: ssh keeps the first one beside the first yes or no, and `ssh -G` shows it for both.
        10 => format!("ForwardAgent {}", dice.pick(&["yes", "no"])),
        11 => format!("Tunnel {}", dice.pick(&["yes", "no", "ethernet"])),
        12 => format!("Ciphers {}", dice.pick(&["+aes128-cbc", "-*ctr", "^aes256-ctr", "aes256-ctr,aes128-ctr"])),
        13 => format!("MACs {}", dice.pick(&["-umac*", "hmac-sha2-512", "^hmac-sha2-512"])),
        14 => format!("KexAlgorithms {}", dice.pick(&["-*sha1,ecdh*", "curve25519-sha256"])),
        _ => format!("ServerAliveInterval {}", dice.pick(&["0", "300", "5m"])),
    }
}

fn criterion(dice: &mut Dice) -> String {
    let not = if dice.roll(4) == 0 { "!" } else { "" };
    let of = match dice.roll(6) {
        0 => format!("host {}", dice.pick(&["*.example.org", "git,db-?", "10.*,!10.1.*", "b.example.org"])),
        1 => format!("originalhost {}", dice.pick(&["git", "*.EXAMPLE.org", "a*,!git"])),
        2 => format!("user {}", dice.pick(&["git", "bob,root", "!root,*"])),
        3 => format!("localuser {}", dice.pick(&["root", "nobody"])),
        4 => format!("host={}", dice.pick(&["*", "x"])),
        _ => "final".to_owned(),
    };
    format!("{not}{of}")
}

fn config(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.roll(4) {
        text += &format!("{}\n", line(dice));
    }
    for _ in 0..dice.roll(7) {
        text += &match dice.roll(3) {
            0 => {
                let criteria: Vec<String> = (0..=dice.roll(2)).map(|_| criterion(dice)).collect();
                format!("Match {}\n", criteria.join(" "))
            }
            1 => format!("Host {}\n", dice.pick(&["git", "*", "a.* db-?", "* !git", "B.Example.ORG 10.1.2.3"])),
            _ => format!("Host {}\n", dice.pick(&["*.example.org", "db-* !db-2", "*.ORG", "10.?.2.3"])),
        };
        for _ in 0..dice.roll(5) {
            text += &format!("  {}\n", line(dice));
        }
    }
    text
}

fn generated_files_are_read_as_ssh_reads_them() {
    let bench = Bench::new();
    let seed = number("HARDEN_SSH_SEED", 20_261_125);
    let mut compared = 0;
    for file in 0..number("HARDEN_SSH_FILES", 150) {
        let mut dice = Dice((seed + file) | 1);
        (0..20).for_each(|_| assert!(dice.roll(2) < 2));
        fs::write(bench.path("ssh_config"), config(&mut dice)).unwrap();
        for connection in connections() {
            compared += bench.compare(&connection).unwrap_or(0);
        }
    }
    println!("{compared} settings compared");
}

/// Each outcome that is reported is what ssh says for its witness.
fn witnesses_get_what_is_said_of_them() {
    let bench = Bench::new();
    let build = &bench.build;
    let mut outcomes = 0;
    for file in 0..number("HARDEN_SSH_FILES", 150) {
        let mut dice = Dice((number("HARDEN_SSH_SEED", 4711) + file) | 1);
        (0..20).for_each(|_| assert!(dice.roll(2) < 2));
        fs::write(bench.path("ssh_config"), config(&mut dice)).unwrap();
        let read = bench.read();
        for name in ["forwardx11", "stricthostkeychecking", "port", "user"] {
            let keyword = Side::Client.keyword(name).unwrap();
            let chain = client::chain(&read, keyword, build);
            for outcome in client::outcomes(&read, &chain, build, Some(&bench.account)).found {
                let mut witness = outcome.witness.clone();
                witness.original = witness.original.filter(|host| !host.is_empty()).or(Some("host.invalid".to_owned()));
                if name == "user" && witness.user.as_deref().is_some_and(|user| !user.is_empty()) {
                    continue;
                }
                let Ok(told) = bench.asked(&witness) else { continue };
                let setting = client::of_possible(&read, keyword, build, &outcome.possible);
                assert_eq!(setting.unclear, None);
                let ours = bench.shown(keyword, setting.value.unwrap().join(" "), &witness);
                assert_eq!(ours, theirs(keyword, told.get(name)), "{name} {witness:?}\n{}", bench.text());
                outcomes += 1;
            }
        }
    }
    println!("{outcomes} outcomes");
    assert!(outcomes > 500, "{outcomes} outcomes");
}

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        every_line_of_the_table_is_read_as_ssh_reads_it,
        included_files_stand_in_their_place,
        generated_files_are_read_as_ssh_reads_them,
        witnesses_get_what_is_said_of_them,
    ]
}
