/** What LVM puts behind a name for a part of that LV, which no name of a person's may hold; lvm(8), "VALID NAMES". */
const PART = /_(?:rimage|rmeta|mimage|mimagetmp|imeta|iorig|mlog|tdata|tmeta|cdata|cmeta|corig|cvol|cpool|wcorig|vdata|pmspare)(?:_\d+)?$/;
/** `LVM-`, the UUIDs of VG and LV, and for a layer below an LV its name: `-real`, `-cow`, `-tpool`. */
const LAYER_UUID = /^LVM-[0-9A-Za-z]{64}-.+$/;

/** Whether a device-mapper device is a part of an LV, which only LVM itself is to open. */
export function isPartOfLv(name: string, uuid: string): boolean {
  return LAYER_UUID.test(uuid) || (uuid.startsWith("LVM-") && PART.test(name));
}

/** The device-mapper name of an LV: dashes in either name are doubled, one joins them. */
export function mapperName(vg: string, lv: string): string {
  return `${vg.replaceAll("-", "--")}-${lv.replaceAll("-", "--")}`;
}

/** The names of VG and LV in a device-mapper name; what is no such name is given as the LV of a group without a name. */
export function parseMapperName(name: string): { vg: string; lv: string } {
  const [, vg, lv] = /^((?:[^-]|--)+)-((?:[^-]|--)+)$/.exec(name) ?? [];
  return vg === undefined || lv === undefined ? { vg: "", lv: name } : { vg: vg.replaceAll("--", "-"), lv: lv.replaceAll("--", "-") };
}
