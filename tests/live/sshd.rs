//! `sshd_config` as it is read here, against the installed `sshd -T -C …`: a table of configurations, and generated ones.
//! `HARDEN_SSHD_FILES` says how many of those, `HARDEN_SSHD_SEED` from which seed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use harden::format::source::{Files, Miss};
use harden::openssh::criteria::Connection;
use harden::openssh::keyword::{Kind, SERVER};
use harden::openssh::server;
use harden::openssh::setting::{faults, judge};
use harden::openssh::source::{self, Config, Side};
use harden::openssh::version::Build;
use harden::target::host::{Host, Trouble};
use harden::value::secret::Salt;

use super::support::tools;

/// The machine's own files.
pub(super) struct Disk(pub(super) Host);

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, Miss> {
        self.0.read(Path::new(path), 1 << 20).map_err(|trouble| match trouble {
            Trouble::Absent => Miss::Absent,
            Trouble::Unseen(reason) => Miss::Unseen(reason.to_string()),
        })
    }

    fn find(&self, pattern: &str) -> (Vec<String>, Option<String>) {
        let found = self.0.find(pattern).unwrap();
        (found.paths.iter().map(|path| path.display().to_string()).collect(), found.more.map(|more| more.to_string()))
    }
}

/// A folder with a host key and configurations.
struct Bench {
    folder: tempfile::TempDir,
    files: Disk,
    build: Build,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        let mut keygen = Command::new(tools::find("ssh-keygen"));
        tools::run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key));
        // sshd looks for the directory of its unprivileged part even when it only shows its settings.
        fs::create_dir_all("/run/sshd").unwrap();
        let program = fs::read(tools::find("sshd")).unwrap();
        let build = Build::of_program(&program);
        assert!(build.version.is_some());
        let files = Disk(Host::open(Path::new("/"), Arc::new(Salt::random().unwrap())).unwrap());
        Bench { folder, files, build }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn read(&self) -> Config {
        let path = self.path("sshd_config");
        let bytes = fs::read(&path).unwrap();
        source::read(Side::Server, &path, &bytes, server::DIRECTORY, &self.files)
    }

    /// What sshd says, by keyword; or its refusal.
    fn asked(&self, connection: &Connection) -> Result<BTreeMap<String, Vec<String>>, String> {
        let part = |name: &str, value: &Option<String>| format!("{name}={}", value.clone().unwrap_or_default());
        let spec = [
            part("user", &connection.user),
            part("host", &connection.host),
            part("addr", &connection.address),
            part("laddr", &connection.laddress),
            part("lport", &connection.lport),
        ];
        let mut sshd = Command::new(tools::find("sshd"));
        sshd.args(["-T", "-f", &self.path("sshd_config"), "-h", &self.path("key"), "-C", &spec.join(",")]);
        let said = tools::try_run(&mut sshd)?;
        let mut settings: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in said.lines() {
            let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
            settings.entry(keyword.to_owned()).or_default().push(value.to_owned());
        }
        Ok(settings)
    }

    /// Compares every keyword that sshd tells; gives how many, or that it refused.
    fn compare(&self, connection: &Connection) -> Option<usize> {
        let config = self.read();
        let build = &self.build;
        let faults = faults(&config, Side::Server, build);
        let told = match self.asked(connection) {
            Ok(told) => told,
            Err(refusal) => {
                assert!(!faults.is_empty(), "sshd refuses what we take: {refusal}\n{}", self.text());
                return None;
            }
        };
        assert!(faults.is_empty(), "sshd takes what we refuse: {faults:?}\n{}", self.text());
        let (mut compared, mut wrong) = (0, Vec::new());
        for keyword in SERVER.iter().filter(|keyword| !["hostkey", "listenaddress"].contains(&keyword.name)) {
            let Some(theirs) = told.get(keyword.name) else { continue };
            let chain = server::chain(&config, keyword, build);
            let ours = server::setting(&config, &chain, keyword, build, connection);
            assert_eq!(ours.unclear, None, "{}", keyword.name);
            let Ok(ours) = ours.value else { continue };
            let separator = if matches!(keyword.kind, Kind::Algorithms(_)) { "," } else { " " };
            let theirs = theirs.join(" ").replace("without-password", "prohibit-password");
            let theirs = if keyword.name == "unusedconnectiontimeout" { theirs.replace("none", "0") } else { theirs };
            if ours.join(separator) != theirs {
                wrong.push(format!("{}: {:?}, sshd says {theirs:?}", keyword.name, ours.join(separator)));
            }
            compared += 1;
        }
        assert!(wrong.is_empty(), "{wrong:#?} for {connection:?}\n{}", self.text());
        Some(compared)
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && !path.display().to_string().contains("key") {
                text += &format!("--- {}\n{}", path.display(), fs::read_to_string(&path).unwrap());
            }
        }
        text
    }
}

/// Users of every Debian, and one that does not exist.
const USERS: [(&str, &[&str]); 4] =
    [("root", &["root"]), ("daemon", &["daemon"]), ("nobody", &["nogroup"]), ("nosuchuser", &[])];

fn connection(user: usize, host: &str, address: &str, lport: &str) -> Connection {
    let (user, groups) = USERS[user];
    Connection {
        user: Some(user.to_owned()),
        groups: Some(groups.iter().map(|group| (*group).to_owned()).collect()),
        host: Some(host.to_owned()),
        address: Some(address.to_owned()),
        laddress: Some("10.9.8.7".to_owned()),
        lport: Some(lport.to_owned()),
        rdomain: Some(String::new()),
        ..Connection::default()
    }
}

fn connections() -> Vec<Connection> {
    vec![
        connection(0, "a.example.org", "10.0.0.1", "22"),
        connection(1, "b.example.net", "192.168.4.1", "2222"),
        connection(2, "10.1.2.3", "10.1.2.3", "22"),
        connection(3, "v6.example.org", "2001:db8::1", "22"),
    ]
}

/// Configurations with what goes wrong in others' readers.
const TABLE: &[&str] = &[
    "",
    "# nothing\n\n",
    "PermitRootLogin yes\nPermitRootLogin no\n",
    "permitrootlogin=without-password\n",
    "  PasswordAuthentication = \"no\"   # why\n",
    "ChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes\n",
    "Protocol 2\nUsePrivilegeSeparation sandbox\nRSAAuthentication yes\n",
    "LoginGraceTime 1m30s\nClientAliveInterval 5m\nClientAliveCountMax 0\nRekeyLimit 1G 1h\n",
    "MaxStartups 10:30:60\nMaxStartups 3\nStreamLocalBindMask 0111\nStreamLocalBindMask 0177\n",
    "Ciphers +aes256-cbc\nMACs -hmac-sha1*,umac-64*\nKexAlgorithms ^diffie-hellman-group16-sha512\n",
    "Ciphers aes256-gcm@openssh.com,aes256-ctr\nHostKeyAlgorithms -ssh-rsa*,rsa*\nPubkeyAcceptedKeyTypes +ssh-rsa\nCASignatureAlgorithms ^rsa-sha2-256\n",
    "AllowUsers a b\nAllowUsers c@10.0.0.0/8\nDenyGroups x\nAcceptEnv LANG LC_*\nAcceptEnv A\n",
    "AllowUsers a\nMatch User root\n AllowUsers b\n AllowUsers c\nMatch all\n AllowUsers d\n",
    "X11Forwarding no\nMatch User root\nX11Forwarding yes\nMatch all\nX11Forwarding no\n",
    "Match all\nX11Forwarding yes\nPort 2022\n",
    "Match Address 10.0.0.0/8,!10.0.0.1\nBanner /etc/motd\nMatch Address 2001:db8::/32,192.168.*\nBanner \"/etc/a b\"\n",
    "Match Group root,daemon User !root,*\nMaxAuthTries 3\nMatch LocalPort 2222 Host *.NET\nMaxAuthTries 4\n",
    "Match LocalAddress 10.9.8.0/24\nForceCommand  /bin/a  -b \"c d\" # no comment\nPermitOpen h:1 [::1]:2\nPermitListen 80 localhost:81\n",
    "AuthenticationMethods publickey,password publickey\nAuthorizedKeysFile none\nAuthorizedKeysCommand none\n",
    "AuthenticationMethods any\nSetEnv A=b \"C=d e\"\nSetEnv F=g\nLogVerbose kex.c:*:1000,packet.c:*\n",
    "IPQoS af21 cs1\nIPQoS lowdelay\nFingerprintHash md5\nFingerprintHash sha256\nLogLevel debug1\nSyslogFacility authpriv\n",
    "PermitUserEnvironment LANG,LC_*\nPermitTunnel point-to-point\nGatewayPorts clientspecified\nAllowTcpForwarding all\n",
    "PubkeyAuthOptions verify-required touch-required\nIgnoreRhosts shosts-only\nCompression delayed\n",
    "VersionAddendum  x y # z\nSubsystem sftp internal-sftp -l INFO\nSubsystem other /bin/x\n",
    "Port 22\nPort 2022\nAddressFamily inet\nRequiredRSASize 3072\nUnusedConnectionTimeout none\nChannelTimeout session:*=5m agent-connection=1h\n",
    "Match User root\n\tPermitRootLogin no\n  # a comment\n\n\tPasswordAuthentication no\nMatch User nobody,daemon\n\tPasswordAuthentication no\n",
    // What sshd refuses.
    "PermitRootLogin maybe\n",
    "NoSuchKeyword yes\n",
    "Port\n",
    "Port 99999\n",
    "Match User root\nPort 22\n",
    "Match\n",
    "Match Nothing x\n",
    "Match all User root\n",
    "Match Address 10.0.0.1/8\nX11Forwarding no\n",
    "X11Forwarding yes no\n",
    "Banner \"/etc/x\n",
    "LoginGraceTime soon\n",
    "MaxStartups 10:200:60\n",
];

fn every_line_of_the_table_is_read_as_sshd_reads_it() {
    let bench = Bench::new();
    let (mut compared, mut refused) = (0, 0);
    for text in TABLE {
        fs::write(bench.path("sshd_config"), text).unwrap();
        for connection in connections() {
            match bench.compare(&connection) {
                Some(keywords) => compared += keywords,
                None => refused += 1,
            }
        }
    }
    assert!(compared > 8_000 && refused >= 4 * 13, "{compared} settings compared, {refused} times refused");
}

fn included_files_stand_in_their_place() {
    let bench = Bench::new();
    let folder = bench.path("d");
    fs::create_dir(&folder).unwrap();
    fs::write(format!("{folder}/10.conf"), "X11Forwarding yes\nMatch User root\nMaxAuthTries 2\n").unwrap();
    fs::write(format!("{folder}/20.conf"), "X11Forwarding no\nMaxSessions 3\n").unwrap();
    fs::write(format!("{folder}/.30.conf"), "MaxSessions 1\n").unwrap();
    fs::write(format!("{folder}/40.txt"), "MaxSessions 1\n").unwrap();
    for text in [
        "Include D/*.conf\nX11Forwarding no\nMaxAuthTries 5\n",
        "Match User daemon\nInclude D/*.conf\nMaxAuthTries 9\nMatch all\nMaxSessions 8\n",
        "Match User root\nInclude D/*\nMatch User daemon\nInclude D/20.conf D/none*.conf\n",
        "Include D/none.conf\nMatch Host *.org\nInclude D/10.conf\nMaxSessions 7\n",
    ] {
        fs::write(bench.path("sshd_config"), text.replace('D', &folder).replace(&format!("{folder}aemon"), "Daemon"))
            .unwrap();
        for connection in connections() {
            assert!(bench.compare(&connection).is_some(), "{text}");
        }
    }
}

/// A small generator, so that one number describes a configuration (xorshift64*, Vigna 2016).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).unwrap() % sides
    }

    pub(super) fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.roll(items.len())]
    }

    /// A line that may stand anywhere, or outside of blocks only.
    fn line(&mut self, in_block: bool) -> String {
        let flags = [
            "X11Forwarding",
            "PasswordAuthentication",
            "PubkeyAuthentication",
            "AllowAgentForwarding",
            "PermitTTY",
            "KbdInteractiveAuthentication",
            "ChallengeResponseAuthentication",
            "PermitEmptyPasswords",
            "GSSAPIAuthentication",
            "DisableForwarding",
            "HostbasedAuthentication",
            "ExposeAuthInfo",
            "X11UseLocalhost",
            "PermitUserRC",
        ];
        let global =
            ["StrictModes", "UseDNS", "PrintMotd", "TCPKeepAlive", "PrintLastLog", "IgnoreUserKnownHosts", "UsePAM"];
        let sides = if in_block { 12 } else { 18 };
        match self.roll(sides) {
            0..=3 => format!("{} {}", self.pick(&flags), self.pick(&["yes", "no", "No", "\"yes\""])),
            4 => format!("PermitRootLogin {}", self.pick(&["yes", "no", "prohibit-password", "forced-commands-only"])),
            5 => format!("MaxAuthTries {}", self.roll(9)),
            6 => format!("MaxSessions={}", self.roll(9)),
            7 => format!("ClientAliveInterval {}", self.pick(&["0", "300", "5m", "1h1m"])),
            8 => format!("AllowUsers {}", self.pick(&["root", "daemon nobody", "*@10.0.0.0/8"])),
            9 => format!("AcceptEnv {}", self.pick(&["LANG", "LC_* A", "B"])),
            10 => format!("AllowTcpForwarding {}", self.pick(&["yes", "no", "local", "remote", "all"])),
            11 => format!(
                "PubkeyAcceptedAlgorithms {}",
                self.pick(&["+ssh-rsa", "-ecdsa*", "^rsa-sha2-512", "ssh-ed25519"])
            ),
            12..=14 => format!("{} {}", self.pick(&global), self.pick(&["yes", "no"])),
            15 => format!("Ciphers {}", self.pick(&["+aes128-cbc", "-*ctr", "^aes256-ctr", "aes256-ctr,aes128-ctr"])),
            16 => format!("MACs {}", self.pick(&["-umac*", "hmac-sha2-512", "^hmac-sha2-512"])),
            _ => format!(
                "KexAlgorithms {}",
                self.pick(&["-*sha1,ecdh*", "curve25519-sha256", "+diffie-hellman-group14-sha1"])
            ),
        }
    }

    fn criterion(&mut self) -> String {
        match self.roll(6) {
            0 => format!("User {}", self.pick(&["root", "daemon,nobody", "!root,*", "no*", "d?emon"])),
            1 => format!(
                "Address {}",
                self.pick(&["10.0.0.0/8", "!10.1.0.0/16,10.0.0.0/8", "2001:db8::/32", "192.168.*", "*"])
            ),
            2 => format!("Host {}", self.pick(&["*.example.org", "*.ORG,!v6*", "10.1.2.3"])),
            3 => format!("LocalPort {}", self.pick(&["22", "2222"])),
            4 => format!("Group {}", self.pick(&["root", "daemon,nogroup", "!root,*"])),
            _ => format!("LocalAddress {}", self.pick(&["10.9.8.7", "10.9.9.0/24"])),
        }
    }

    fn config(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.roll(8) {
            text += &format!("{}\n", self.line(false));
        }
        for _ in 0..self.roll(5) {
            let criteria: Vec<String> = (0..=self.roll(2)).map(|_| self.criterion()).collect();
            text +=
                &if self.roll(8) == 0 { "Match all\n".to_owned() } else { format!("Match {}\n", criteria.join(" ")) };
            for _ in 0..self.roll(4) {
                text += &format!("  {}\n", self.line(true));
            }
        }
        text
    }
}

pub(super) fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

fn generated_files_are_read_as_sshd_reads_them() {
    let bench = Bench::new();
    let seed = number("HARDEN_SSHD_SEED", 20_261_125);
    let mut compared = 0;
    for file in 0..number("HARDEN_SSHD_FILES", 150) {
        let mut dice = Dice((seed + file) | 1);
        (0..20).for_each(|_| assert!(dice.roll(2) < 2));
        fs::write(bench.path("sshd_config"), dice.config()).unwrap();
        for connection in connections() {
            compared += bench.compare(&connection).unwrap_or(0);
        }
    }
    println!("{compared} settings compared");
}

/// Each outcome that is reported is what sshd says for its witness.
fn witnesses_get_what_is_said_of_them() {
    let bench = Bench::new();
    let build = &bench.build;
    let users: Vec<String> = vec!["root".to_owned()];
    let mut outcomes = 0;
    for file in 0..number("HARDEN_SSHD_FILES", 150) {
        let mut dice = Dice((number("HARDEN_SSHD_SEED", 4711) + file) | 1);
        (0..20).for_each(|_| assert!(dice.roll(2) < 2));
        let text = dice.config();
        if text.contains("Group") {
            continue;
        }
        fs::write(bench.path("sshd_config"), &text).unwrap();
        let config = bench.read();
        for name in ["x11forwarding", "permitrootlogin", "maxauthtries", "allowusers"] {
            let keyword = Side::Server.keyword(name).unwrap();
            let chain = server::chain(&config, keyword, build);
            for outcome in server::outcomes(&config, &chain, keyword, &users).found {
                let mut witness = outcome.witness.clone();
                let plain = connection(0, "client.invalid", "198.51.100.7", "22");
                witness.user = witness.user.or(Some("somebody".to_owned()));
                witness.host = witness.host.or(plain.host);
                witness.address = witness.address.or(plain.address);
                witness.laddress = witness.laddress.or(plain.laddress);
                witness.lport = witness.lport.or(plain.lport);
                let Ok(told) = bench.asked(&witness) else { continue };
                let ours = judge(&config, Side::Server, keyword, build, &outcome.possible).value.unwrap().join(" ");
                let theirs = told.get(name).cloned().unwrap_or_default().join(" ");
                assert_eq!(ours, theirs.replace("without-password", "prohibit-password"), "{name} {witness:?}\n{text}");
                outcomes += 1;
            }
        }
    }
    assert!(outcomes > 200, "{outcomes} outcomes");
}

pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
    trials![
        every_line_of_the_table_is_read_as_sshd_reads_it,
        included_files_stand_in_their_place,
        generated_files_are_read_as_sshd_reads_them,
        witnesses_get_what_is_said_of_them,
    ]
}
