//! The words that stay, all in this place. Everything else that is text is replaced, so a word that is missing here costs
//! readability, never a secret. What the shipped rules compare with is added to them by [`super::known`].
//!
//! - [`NAMES`] stay wherever they stand, also where a name is expected: what every installation has.
//! - [`WORDS`] stay in texts, unless something of that name was seen: of paths, settings, variables.
//! - [`PROSE`] stay in sentences only: the English of harden's own messages and of those that it passes on.
//!
//! No word here may be the name of a person, a company or a product that tells whose machine it is.

/// Accounts, groups, roles and databases that come with a system, and software by which images and containers are named.
pub(super) const NAMES: &[&str] = &[
    // Debian's base-passwd, and accounts of widespread packages; also those of Alpine and Red Hat.
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody nogroup adm tty disk \
     dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev staff users input sgx \
     kvm render netdev crontab messagebus _apt _ssh sshd ssl-cert ssh_keys polkitd systemd systemd-network systemd-resolve \
     systemd-timesync systemd-journal systemd-coredump systemd-oom syslog uuidd tcpdump landscape dnsmasq lxd kmem wheel \
     docker postgres mysql mariadb redis mongodb nginx apache haproxy postfix postdrop dovecot openldap mosquitto prosody \
     Debian-exim chrony ntp nscd rpc halt shutdown abuild cdrw guest squid vpopmail usb ftp smmsp utempter avahi colord \
     rtkit pulse saned geoclue gdm tss fwupd-refresh pollinate libvirt libvirt-qemu ceph etcd vault consul nomad prometheus \
     grafana rabbitmq elasticsearch kibana logstash jenkins gitlab memcache memcached nonroot",
    // PostgreSQL: databases, predefined roles (manual, "Predefined Roles"), keywords of pg_hba.conf.
    "template0 template1 public pg_database_owner pg_read_all_data pg_write_all_data pg_monitor pg_read_all_settings \
     pg_read_all_stats pg_stat_scan_tables pg_read_server_files pg_write_server_files pg_execute_server_program \
     pg_signal_backend pg_checkpoint pg_use_reserved_connections pg_create_subscription pg_maintain pg_vacuum_analyze \
     pg_signal_autovacuum_worker all sameuser samerole samegroup samehost samenet replication current_user session_user",
    // Targets and this machine.
    "host docker postgres localhost localhost.localdomain ip6-localhost ip6-loopback host.docker.internal",
    // Truth values and what stands for nothing.
    "on off true false yes no none null t f y n",
    // What bun keeps of its migrations in a database.
    "bun_migrations bun_migration_locks",
    // Docker's own networks and modes, and registries.
    "bridge ingress docker_gwbridge private shareable docker.io index.docker.io registry-1.docker.io library",
    // Half a year, a year and two in seconds, as policies of HTTP are recommended (RFC 6797).
    "15552000 15768000 31536000 63072000",
    // Official images and their like.
    "postgresql alpine debian ubuntu busybox scratch hello-world httpd caddy traefik envoy mongo mongo-express valkey \
     rabbitmq kafka zookeeper opensearch loki alertmanager python ruby php golang java openjdk eclipse-temurin tomcat jetty \
     wordpress ghost gitea registry minio keycloak pgbouncer pgadmin pgadmin4 adminer portainer watchtower cadvisor \
     pulumi console service migrations timescaledb postgis bitnami fedora centos rockylinux almalinux amazonlinux docker-socket-proxy",
];

/// Words of paths, settings, variables and programs.
pub(super) const WORDS: &[&str] = &[
    // Settings of the stacks that install Pulumi Cloud.
    "licensekey aggridlicensekey apitlskey apitlscert consoletlskey consoletlscert samlcertprivatekey samlcertpublickey \
     smtppassword recaptchasecretkey dbuserpassword dbpassword storagesecretkey localkeysvalue encryptionkey \
     opensearchpassword imageregistryaccesstoken kubeconfig github_oauth_secret ingressallowlist whitelistcidrblocks \
     whitelistcideblocks apidomain acmcertificatearn adminpassword \
     aws rds cluster instance dbcluster dbinstance",
    // Directories of hier(7), and files that programs look for below them.
    "bin boot dev etc home lib lib32 lib64 libexec media mnt opt proc root run sbin srv sys tmp usr var local share cache \
     spool log lock mail www html data main conf config include src games include cgi doc man info locale backups backup \
     crash shm memfd pts mqueue net eth wlan br veth fuse dri card render hugepages null zero random urandom tty console mapper loop mem kmem port \
     kmsg disk block cgroup self fd environ cmdline status uid map ns passwd shadow gshadow group hosts hostname resolv \
     nsswitch fstab crypttab profile bashrc profiles environment sudoers d sudo doas shells securetty issue motd os release \
     machine id localtime timezone adjtime ld so preload ssl certs private pki tls ca anchors trust source extracted openssl \
     ssh sshd ssh_host authorized_keys known_hosts moduli rsa dsa ecdsa sk ed25519 key keys pub crt cer pem p12 pfx jks cert \
     certificate certificates fullchain privkey chain bundle rootca server client live archive letsencrypt renewal csr \
     postgresql pgsql pg_hba pg_ident pg_wal pg_log base global postmaster auto start recovery pgpass service services \
     environment common docker containerd crio podman cri dockerd sock socket sockets pid daemon overlay2 overlay volumes stat stats bus fs irq timer asound acpi kcore keys scsi firmware latency sched sysrq trigger interrupts \
     containers image images network networks plugins swarm buildkit runtimes tlscacert tlscert tlskey rootfs merged diff \
     kubelet kubernetes kube admin super controller manager scheduler rancher rke2 k3s systemd system user unit units timer \
     target mount automount slice scope wants requires network networkd resolved journald logind coredump generators \
     cron crontab crontabs anacrontab at hourly daily weekly monthly yearly allow deny periodic init rc inittab modules \
     modprobe sysctl default sysconfig security limits access namespace opasswd pam login defs nologin faillock faillog \
     lastlog wtmp btmp utmp tallylog auth secure messages syslog kern debug audit rules auditd logrotate rsyslog nginx \
     apache2 httpd haproxy mysql debian cnf redis grafana prometheus sites available enabled snippets apt sources list lists \
     trusted gpg keyrings preferences dpkg yum repos rpm dnf apk repositories skel vim nano zsh bash dash sh bash_history \
     history rhosts shosts equiv netrc aws azure gcloud credentials gitconfig vault token swap swapfile img grub cfg efi \
     loader entries extlinux vmlinuz initrd lost found cloud instances instance sensitive combined vendor yaml yml json toml \
     ini txt conf env sql dump gz xz zst bz2 lz4 tar zip bak old orig new tmp sample example dist py pl rb js css map",
    // Mount options, capabilities of devices, signals of a shell.
    "rw ro noexec nosuid nodev exec suid dev size mode uid gid nr inodes bind rbind rprivate rshared rslave shared slave \
     unbindable propagation readonly tmpfs ext4 ext3 ext2 xfs btrfs zfs overlayfs nfs nfs4 cifs vfat squashfs ramfs fuseblk \
     rwx rx wx rwm rm wm mw noatime relatime k m g kb mb gb kib mib gib ms min us sec",
    // Docker.
    "container containers created running paused restarting removing exited dead healthy unhealthy starting always \
     unless stopped on failure bridge macvlan ipvlan host none nat unconfined builtin default custom seccomp apparmor \
     selinux label disable type level role privileges rootless userns cgroupns nofile nproc core memlock stack rtprio nice \
     sigpending msgqueue fsize cpu as rss locks json file local journald syslog fluentd gelf awslogs splunk gcplogs etwlogs \
     loki logentries max compress labels tag env mode blocking buffer address facility format option serial driver runc \
     crun runsc kata runtime io containerd overlay2 btrfs devicemapper aufs vfs windowsfilter cgroupfs systemd v1 v2 tcp udp \
     sctp unix fd npipe http https ws wss docker podman buildah compose project working dir files config hash number oneoff \
     depends version services service stack swarm node task com net org docker desktop moby label schema opencontainers \
     image title description url source revision created vendor licenses documentation authors maintainer ref name base \
     generate dev certs awskms azurekeyvault gcpkms hashivault kubernetescrd ipallowlist ipwhitelist middlewares hq netresearch \
     digest library latest stable edge master nightly slim bookworm bullseye buster trixie jammy noble focal alpine edge \
     sha256 sha512 proxy socket amd64 arm64 arm v6 v7 v8 s390x ppc64le riscv64 x86 i386 i686 aarch64 linux gnu debian \
     ubuntu fedora centos rocky almalinux lts generic kernel dfsg deb cap net raw admin chown kill setgid setuid setpcap setfcap \
     mknod fowner fsetid override search ptrace module rawio bpf perfmon mac resource time tty config boot nice ipc owner \
     lock broadcast service syslog wake alarm block suspend lease immutable pacct audit write control read checkpoint \
     restore dac all enable icc masquerade",
    // TLS, keys and certificates.
    "tls ssl tlsv1 sslv2 sslv3 rsa pss ec ecdsa ed25519 ed448 dsa dh ecdh ecdhe dhe psk aes aes128 aes256 gcm ccm cbc \
     chacha20 poly1305 sha sha1 sha224 sha256 sha384 sha512 md2 md4 md5 rc2 rc4 des 3des camellia aria seed idea high medium \
     low exp export null anull enull adh aecdh complementofall complementofdefault profile system seclevel strength \
     prime256v1 secp256r1 secp384r1 secp521r1 brainpool x25519 x448 serverauth clientauth codesigning emailprotection \
     timestamping ocspsigning anyextendedkeyusage digitalsignature nonrepudiation keyencipherment dataencipherment \
     keyagreement keycertsign crlsign encipheronly decipheronly withrsaencryption withrsa ecdsawithsha rsassa dns ip uri email with \
     dirname rid cn ou o l st c dc serialnumber emailaddress snakeoil default nistp256 nistp384 nistp521 openssh com sk dss \
     cert authority from command pty harden forwarding agent x11 permit open restrict no",
    // OpenSSH: parts of algorithms' names, and words that settings take.
    "curve25519 mlkem768x25519 sntrup761x25519 ecdh diffie hellman group1 group14 group16 group18 exchange gex gss libssh \
     hmac umac etm ripemd ripemd160 arcfour arcfour128 arcfour256 blowfish cast128 rijndael ctr cbc gcm 128 192 256 webauthn \
     mldsa44 v00 v01 prohibit forced commands without point ethernet clientspecified shosts quiet fatal verbose authpriv \
     local0 local1 local2 local3 local4 local5 local6 local7 inet inet6 publickey keyboard interactive hostbased \
     gssapi kerberos sftp banner delayed touch rdomain mlkem768nistp256 mlkem1024nistp384 sntrup4591761x25519 sha2",
    // nginx: places, variables, and what its headers and directives say.
    "http location upstream events main limit_except try files proxy pass return rewrite redirect permanent request uri \
     args arg status body bytes sent binary remote realip addr scheme forwarded forwarded-for proto real powered by user \
     agent http2 quic reuseport backlog ipv6only iso8601 msec local combined nodelay burst zone requests nosniff \
     sameorigin deny allow options frame ancestors content type security policy referrer origin same strict transport cross \
     when downgrade includesubdomains preload max age src self script style img font connect object media form action base \
     unsafe inline eval upgrade httponly samesite lax cookie flags well known challenge alias autoindex gzip stub \
     syslog server logs pidfile modules-enabled modules-available mime types fastcgi params koi utf win uwsgi scgi",
    // Variables: words of names, and values that programs define.
    "db database databases host hosts hostname port user username users name pass passwd password passphrase pwd secret \
     secrets token tokens api apikey key keys private public access client server id ids url uri dsn env environment mode \
     debug trace log logs logging level verbose quiet path dir file files home lang lc ctype tz term shell opts options args \
     config conf node java jdk jvm python pip npm yarn go gopath rails rack flask django spring laravel symfony app apps web \
     http https port bind listen address addr origin origins cors allow allowed allowlist whitelist deny cookie session jwt \
     signing sign salt encryption encrypt hmac auth oauth oidc saml ldap smtp mail email from to redis mongo mongodb mysql \
     mariadb postgres postgresql pg pgdata pgpassword pghost pguser pgdatabase pgport pgsslmode pgsslrootcert sqlite amqp \
     rabbitmq kafka elastic elasticsearch opensearch s3 bucket region aws azure gcp google cloud timeout timeouts interval \
     retry retries max min size limit count pool workers worker threads thread concurrency memory cpu ttl expiry expires \
     expiration lifetime length enabled disabled enable disable required require reset random empty skip verify verification \
     insecure secure security tls cert certs ca bundle reject unauthorized production development staging test testing dev \
     prod local version gpg gosu md5 sum build commit sha branch tag release initdb init root only read write ro rw \
     replication replica primary master slave cluster method trust scram ident peer reject dba xpack plugin plugins license \
     management endpoints exposure include exclude health info metrics prometheus swagger ssl keylogfile preload ld library \
     javaagent agentlib xrunjdwp dcom djava jdwp transport dt socket suspend com sun jmxremote authenticate xms xmx inspect brk wait \
     null undefined insecure dashboard anonymous gf vault bao addr unseal docker compose in certdir tlscacert context \
     kubernetes service svc default namespace pod annotations",
    // Settings of PostgreSQL, word by word (pg_settings of 13 to 18), their values, sources and units.
    "abbreviations above action activities activity addresses after age aggregate all allow analyze append application \
     apply archive args array assertions async authentication autovacuum backend backends backslash backtrace bgwriter bias \
     bitcode bitmapscan block bodies bonjour buffer buffers bytea cache caches caseins check checking checkpoint checkpoints \
     checksum checksums ciphers cleanup client collapse collate collector command commands commit commits compat completion \
     compression compute concurrency conflict conforming connection connections conninfo consistency constraint cost counts \
     crash create crl ctype cursor curve damaged data datetimes datestyle db deadlock debugging decode decoding default \
     defer deferrable deforming delay depth destdir destination dh digits directories directory dirty discard disconnections \
     dump duration dynamic ecdh effective effort encoding end equals error escape event exclusion executor exit expressions \
     extension external extra facility factor failsafe failure feedback fetch filename float flush force fraction freeze \
     fsync fsyncs full function functions fuzzy gather gathermerge generations geqo gin group groups gss hash hashagg \
     hashjoin hba hints hit hot huge ident identifier identifiers idle ignore incremental index indexes indexonlyscan \
     indexscan inline insert integer intervalstyle invalid io isolation iterations jit join key keepalives keyfile keytab \
     kind krb large leader libraries libdir line list listen lo locale locks logical lru lsn maintenance material maxpages \
     mem memoize mergejoin messages minimal mods monetary multiplier multixact names naptime nestloop nonsystem notify \
     notices num numbers numeric object objects old operator optimize output page pages parallel parameter params parse \
     parser participation partition partitionwise pending per permissions pgaudit pid place plan planner plans post pre pred \
     prefer preferred prefetch prefix prepared pretty print privileges process processes profiling progress promote protocol \
     provider pruning query quote rate receiver recovery recursive recycle relation reload remove replicas reserved resource \
     restart restore retrieve rewritten role rotation row rows sample scale scan seed segment selection sender senders seq \
     seqscan seqscans sequence setup sessions shared siblings slot slots snapshot sort split stack standard standby startup \
     statement statements statistics stats stderr csvlog jsonlog eventlog streaming string strings style subscription \
     superuser support supports sync synchronize synchronous system table tablespace tablespaces target temp text threshold \
     tidscan time timezone timeline timestamp timing title toast track transaction transactions transform trigger truncate \
     tuple type unit update user users usename vacuum verbosity wal warning warnings work worktable writer writes xid \
     xmlbinary xmloption zero zeroed zstd lz4 pglz always panic fatal error notice warning info debug1 debug2 debug3 debug4 \
     debug5 log terse ddl mod base64 hex escape auto safe encoding partition remote write apply serializable repeatable read \
     committed uncommitted posix sysv mmap origin document content iso mdy dmy ymd postgres sql german verbose utf8 utf sql \
     ascii latin1 latin9 euc win1252 utc gmt english catalog snowball heap llvmjit latest psql walsender postmaster sighup \
     internal override environment variable configuration command line global interactive backend kb mb gb ms min d h pg \
     datname rolname hba roles settings setting database databases grantee scram md5 receipt authorization durations password gss sspi ident peer ldap \
     radius cert pam bsd oauth hostssl hostnossl hostgssenc hostnogssenc clientcert verify full include realm map usermap \
     krb5 session dbname sslmode sslcert sslkey sslrootcert sslcrl channel binding target attrs options passfile password \
     connect timeout hostaddr jdbc postgres agroal libpq pgx bun jdbc file system",
];

/// Last labels by which a dotted name is taken for that of a host. Endings of files are left out.
pub(super) const DOMAINS: &str = "com net org io dev de eu uk us fr nl ch at se fi dk pl it es pt cz ru cn jp in co ai be ie \
    br ca au nz kr tw hk sg za mx ar cl no info biz edu gov mil int arpa cloud online site tech shop app systems agency \
    internal intern local lan corp home intranet private localdomain domain example test invalid onion cluster consul";

/// Organisations and names of certificates that programs make up for themselves; rules know them by these.
pub(super) const CERTIFICATE_NAMES: &[&str] = &[
    "Pullbase Development",
    "Internet Widgits Pty Ltd",
    "Acme Co",
    "Default Company Ltd",
    "OpenBao",
    "Snake Oil",
    "SnakeOil",
    "localhost",
    "localhost.localdomain",
    "example.com",
    "example.org",
    "example.net",
    "ssl-cert-snakeoil",
];

/// English, one text of words.
pub(super) const PROSE: &str = include_str!("prose.txt");
