import { readFileSync } from "node:fs";
import { fixtureBytes } from "../fixtures/fixture.ts";

const KEY = "00112233445566778899aabbccddeeff".repeat(2);
const lvmSegment = (extents: number, type: string, rest: string): string => `segment_count = 1\nsegment1 {\nstart_extent = 0\nextent_count = ${extents}\ntype = "${type}"\n${rest}\n}`;
const lv = (name: string, body: string, status = "\"READ\", \"WRITE\", \"VISIBLE\""): string => `${name} {\nid = "${`${name.replaceAll(/[^a-z0-9]/g, "x")}aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`.slice(0, 6)}-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaaa"\nstatus = [${status}]\nflags = []\n${body}\n}`;
const striped = (extents: number, ...at: number[]): string => lvmSegment(extents, "striped", `stripe_count = ${at.length}\n${at.length > 1 ? "stripe_size = 16\n" : ""}stripes = [${at.map((start) => `"pv0", ${start}`).join(", ")}]`);

/** A group with one LV of every kind that is read. */
const GROUP = `vg0 {
id = "o5723y-wo3R-ekDP-Blxc-BXLR-ST83-rErvmO"
seqno = 2
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
extent_size = 8
max_lv = 0
max_pv = 0
physical_volumes {
pv0 {
id = "yqVFGE-BAi8-h7KS-1JcD-WAC4-hC6M-BOoZcF"
device = "/dev/loop0"
status = ["ALLOCATABLE"]
flags = []
dev_size = 2048
pe_start = 8
pe_count = 255
}
}
logical_volumes {
${[
  lv("plain", striped(4, 0)), lv("stripes", striped(4, 4, 6)),
  lv("leg0", striped(4, 8), "\"READ\""), lv("leg1", striped(4, 12), "\"READ\""), lv("leg2", striped(4, 16), "\"READ\""),
  lv("meta0", striped(1, 20), "\"READ\""), lv("meta1", striped(1, 21), "\"READ\""), lv("meta2", striped(1, 22), "\"READ\""),
  lv("mirror", lvmSegment(4, "mirror", "mirror_count = 2\nregion_size = 8\nmirrors = [\"leg0\", 0, \"leg1\", 0]")),
  lv("raid1", lvmSegment(4, "raid1", "device_count = 2\nregion_size = 8\nraids = [\"meta0\", \"leg0\", \"meta1\", \"leg1\"]")),
  lv("raid5", lvmSegment(8, "raid5", "device_count = 3\nstripe_size = 16\nregion_size = 8\nraids = [\"meta0\", \"leg0\", \"meta1\", \"leg1\", \"meta2\", \"leg2\"]")),
  lv("raid10", lvmSegment(4, "raid10", "device_count = 2\nstripe_size = 16\nregion_size = 8\nraids = [\"meta0\", \"leg0\", \"meta1\", \"leg1\"]")),
  lv("pool_tdata", striped(8, 24), "\"READ\""), lv("pool_tmeta", striped(2, 32), "\"READ\""),
  lv("pool", lvmSegment(8, "thin-pool", "metadata = \"pool_tmeta\"\npool = \"pool_tdata\"\ntransaction_id = 1\nchunk_size = 128\ndiscards = \"passdown\"\nzero_new_blocks = 1")),
  lv("thin", lvmSegment(8, "thin", "thin_pool = \"pool\"\ntransaction_id = 0\ndevice_id = 1")),
  lv("cpool_cdata", striped(4, 40), "\"READ\""), lv("cpool_cmeta", striped(2, 44), "\"READ\""),
  lv("cpool", lvmSegment(4, "cache-pool", "data = \"cpool_cdata\"\nmetadata = \"cpool_cmeta\"\nchunk_size = 64\nmetadata_format = 2\ncache_mode = \"writethrough\"\npolicy = \"smq\"")),
  lv("corig", striped(4, 48), "\"READ\""), lv("cached", lvmSegment(4, "cache", "cache_pool = \"cpool\"\norigin = \"corig\"")),
  lv("store", striped(4, 52)), lv("snapshot0", lvmSegment(4, "snapshot", "chunk_size = 8\norigin = \"plain\"\ncow_store = \"store\"")), lv("nothing", lvmSegment(2, "zero", "")), lv("broken", lvmSegment(2, "error", "")),
].join("\n")}
}
}
`;

/** Texts to begin with, by what reads them. */
export const SAMPLES = {
  commandLine: [
    "BOOT_IMAGE=/vmlinuz root=UUID=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c11 ro quiet rootflags=subvol=@,noatime resume=/dev/vg0/swap resume_offset=4096 init=/bin/sh single 3 -- a b",
    "realroot=crypt:none:/dev/vda2:pv0 realroot=lvm:ext4:vg00/lv0 mkinitrd.break=mount mkinitrd.shell=1 mkinitrd.timeout=30 console=ttyS0",
    "rd.luks.uuid=luks-1 rd.luks.name=2f1c7c5e-7e9e-4d6d-8f3e-0d9b1d0a6c11=root rd.luks.options=discard,tries=3 rd.luks.key=/k:UUID=1 rd.lvm.lv=vg0/root rd.md.uuid=1:2:3:4 cryptdevice=UUID=1:root:allow-discards cryptkey=/dev/sdb1:ext4:/key \"a b\"=\"c d\"",
    "roothash=05dfbb4bfbfb402c18703739030e02a64bdf500eb5eb476aae86e26f9751a69b systemd.verity_root_data=/dev/vda1 systemd.verity_root_hash=/dev/vda2 usrhash=00 vfs.root.realroot=local:ufs:/dev/vg00/lv0",
  ],
  realroot: [
    "local:ext4:UUID=9f2c:mount.noatime,mount.compress=zstd%3A1", "crypt:ext4:/dev/vda2:foocrypt:discard,keyslot=1,tries=3", "crypt:none:/dev/vda2:pv0 lvm:xfs:vg00/lv0:degraded,vg-uuid=a",
    "tcplay:ext4:/dev/vda2:tcroot:pim=485,keyfile=/etc/k,keyfile=/etc/l,hidden", "tcplay:ext4:/dev/vda2:tcroot:-e -s /dev/sda -k FILE --fde --use-backup", "local:btrfs:UUID=1@@home", "local::/dev/disk/by-path/pci-0000%3A00", "local:-:PARTUUID=1/PARTNROFF=2",
  ],
  fstab: ["# a comment\nUUID=2f1c / ext4 defaults,noatime 0 1\n/dev/vg0/swap none swap sw,pri=5 0 0\nLABEL=a\\040b /usr xfs ro,x-initrd.mount 0 2\ntmpfs /tmp tmpfs size=50% 0 0\n//host/share /mnt cifs credentials=/k,_netdev 0 0\n"],
  crypttab: ["# name device key options\nroot UUID=2f1c none luks,discard,tries=3,keyslot=1\nswap /dev/vda3 /dev/urandom swap,cipher=aes-xts-plain64,size=512,hash=sha256\nhome /dev/vda4 /etc/keys/home:LABEL=usb luks,keyfile-offset=512,keyfile-size=64,header=/h\ntc /dev/vda5 none tcrypt,tcrypt-hidden,tcrypt-keyfile=/k,veracrypt-pim=485\n"],
  keyFile: ["/etc/keys/root.key", "/key:UUID=2f1c", "/key:LABEL=a%3Ab", "UUID=1:/key"],
  passwordHash: ["$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"],
  rcHeader: [readFileSync(new URL("../../rc.d/crypt.ts", import.meta.url), "utf8").slice(0, 2000)],
  dmTable: [
    [
      "0 512 linear pv 0", "512 512 striped 2 16 pv 0 pv 512", "1024 8 zero", "1032 8 error", `1040 64 crypt aes-xts-plain64 ${KEY} 0 pv 0 1 allow_discards`, `1104 64 crypt aes-cbc-essiv:sha256 ${KEY} 8 pv 0 2 sector_size:4096 iv_large_sectors`,
      "1168 512 mirror core 2 64 nosync 2 pv 0 pv 512 1 handle_errors",
    ].join("\n"),
    "0 384 raid raid10 4 16 nosync region_size 64 4 pv pv pv pv - pv pv pv", "0 576 raid raid6_zr 3 16 region_size 64 5 - pv - pv - pv - pv - pv", "0 512 raid raid1 3 0 region_size 64 2 pv pv - -", "0 512 raid raid5_ls 5 16 rebuild 0 region_size 64 3 - pv - pv - pv",
    "0 800 verity 1 pv pv 4096 4096 100 101 sha256 05dfbb4bfbfb402c18703739030e02a64bdf500eb5eb476aae86e26f9751a69b 00112233 2 ignore_zero_blocks restart_on_corruption",
    "0 2048 snapshot pv pv P 8", "0 2048 snapshot-origin pv", "0 1024 thin-pool pv pv 128 0 1 skip_block_zeroing", "0 1024 cache pv pv pv 64 1 writeback smq 2 migration_threshold 2048", "vg0-root: 0 512 linear 253:1 2048\nvg0-swap: 0 8 zero\nNo devices found",
  ],
  lvm: [GROUP],
  luks2: [fixtureBytes("luks2/argon2.img.gz").subarray(4096, 16384).toString("utf8").replace(/\0+$/, ""), fixtureBytes("luks2/sector-4096.img.gz").subarray(4096, 16384).toString("utf8").replace(/\0+$/, "")],
};
