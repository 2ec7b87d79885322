//! Names of file systems by the number that statfs(2) gives (`include/uapi/linux/magic.h` and the file systems' own
//! headers).

use std::os::fd::AsFd;

use rustix::fs::fstatfs;

/// The number of the file system that holds what is open; `O_PATH` is enough.
#[allow(clippy::useless_conversion, reason = "the number's type differs by platform")]
pub fn magic(fd: impl AsFd) -> Option<i64> {
    i64::try_from(fstatfs(fd).ok()?.f_type).ok()
}

/// The name, or the number in hexadecimal when it is none of the known.
pub fn name(magic: i64) -> String {
    let known = match magic {
        0xef53 => "ext4",
        0x5846_5342 => "xfs",
        0x9123_683e => "btrfs",
        0x2fc1_2fc1 => "zfs",
        0xf2f5_2010 => "f2fs",
        0xca45_1a4e => "bcachefs",
        0x0102_1994 => "tmpfs",
        0x8584_58f6 => "ramfs",
        0x794c_7630 => "overlay",
        0x6969 => "nfs",
        0xff53_4d42 => "cifs",
        0xfe53_4d42 => "smb2",
        0x0102_1997 => "9p",
        0x6573_5546 => "fuse",
        0x00c3_6400 => "ceph",
        0x4d44 => "vfat",
        0x2011_bab0 => "exfat",
        0x5346_544e | 0x7366_746e => "ntfs",
        0x7371_7368 => "squashfs",
        0xe0f5_e1e2 => "erofs",
        0x9660 => "iso9660",
        0x9fa0 => "proc",
        0x6265_6572 => "sysfs",
        0x0027_e0eb => "cgroup",
        0x6367_7270 => "cgroup2",
        0x1cd1 => "devpts",
        0x1980_0202 => "mqueue",
        0x9584_58f6 => "hugetlbfs",
        0x6462_6720 => "debugfs",
        0x7472_6163 => "tracefs",
        0x7363_6673 => "securityfs",
        0xcafe_4a11 => "bpf",
        0x0187 => "autofs",
        _ => return format!("{magic:#x}"),
    };
    known.to_owned()
}
