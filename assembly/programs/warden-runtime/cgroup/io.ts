/** linux.resources.blockIO: cgroup-v1/blkio-controller.rst, "IO" of cgroup-v2.rst, block/bfq-iosched.rst */
import { ENOENT } from "../../../lib/errno";
import { jsonCount, jsonFirst, jsonIsU64, jsonMember, jsonNext, jsonU64 } from "../../../lib/json/nodes";
import { putDigits, putText } from "../../../lib/text";
import { die } from "../files/end";
import { failed, isV2, setBuilt, setNumber, tryNumber, tryValue, value } from "./write";

export function setBlockIo(io: usize): void {
  if (io == 0) return;
  const isUnified = isV2("blkio");
  setWeight(jsonMember(io, "weight"), isUnified);
  if (!isUnified) setNumber("blkio", "blkio.leaf_weight", positive(jsonMember(io, "leafWeight")));
  setWeights(jsonMember(io, "weightDevice"), isUnified);
  setRates(jsonMember(io, "throttleReadBpsDevice"), isUnified, "blkio.throttle.read_bps_device", "rbps=");
  setRates(jsonMember(io, "throttleWriteBpsDevice"), isUnified, "blkio.throttle.write_bps_device", "wbps=");
  setRates(jsonMember(io, "throttleReadIOPSDevice"), isUnified, "blkio.throttle.read_iops_device", "riops=");
  setRates(jsonMember(io, "throttleWriteIOPSDevice"), isUnified, "blkio.throttle.write_iops_device", "wiops=");
}

/** The node, or 0 when it asks for nothing. */
function positive(node: usize): usize { return jsonIsU64(node) && jsonU64(node) > 0 ? node : 0; }

/** The file of the scheduler BFQ has another name. Of v2 io.weight goes from 1 to 10,000, where v1's goes from 10 to 1,000. */
function setWeight(weight: usize, isUnified: bool): void {
  if (positive(weight) == 0) return;
  let result = isUnified ? tryNumber("io", "io.bfq.weight", weight) : tryNumber("blkio", "blkio.weight", weight);
  if (result == -ENOENT && !isUnified) result = tryNumber("blkio", "blkio.bfq.weight", weight);
  if (result == -ENOENT && isUnified) {
    const given = max<u64>(jsonU64(weight), 10);
    result = tryValue("io", "io.weight", value, <u32>(putDigits(value, 1 + (given - 10) * 9_999 / 990) - value));
  }
  if (result < 0) failed(isUnified ? "io.weight" : "blkio.weight", result);
}

/** "MAJOR:MINOR " of a device's entry. */
function putDevice(device: usize): usize {
  const major = jsonMember(device, "major"), minor = jsonMember(device, "minor");
  if (!jsonIsU64(major) || !jsonIsU64(minor)) die("linux.resources.blockIO has a device without major and minor");
  return putText(putDigits(putText(putDigits(value, jsonU64(major)), ":"), jsonU64(minor)), " ");
}

function setWeights(list: usize, isUnified: bool): void {
  let device = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, device = jsonNext(device)) {
    const weight = positive(jsonMember(device, "weight")), leaf = positive(jsonMember(device, "leafWeight"));
    if (weight != 0) setDeviceWeight(putDigits(putDevice(device), jsonU64(weight)), isUnified);
    if (leaf != 0 && !isUnified) setBuilt("blkio", "blkio.leaf_weight_device", putDigits(putDevice(device), jsonU64(leaf)));
  }
}

function setDeviceWeight(end: usize, isUnified: bool): void {
  const size = <u32>(end - value);
  let result = isUnified ? tryValue("io", "io.bfq.weight", value, size) : tryValue("blkio", "blkio.weight_device", value, size);
  if (result == -ENOENT && !isUnified) result = tryValue("blkio", "blkio.bfq.weight_device", value, size);
  if (result < 0) failed(isUnified ? "io.bfq.weight" : "blkio.weight_device", result);
}

function setRates(list: usize, isUnified: bool, file: string, key: string): void {
  let device = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, device = jsonNext(device)) {
    const rate = jsonMember(device, "rate");
    if (!jsonIsU64(rate)) return die("linux.resources.blockIO has a device without a rate");
    let to = putDevice(device);
    if (isUnified) to = putText(to, key);
    to = isUnified && jsonU64(rate) == 0 ? putText(to, "max") : putDigits(to, jsonU64(rate));
    setBuilt(isUnified ? "io" : "blkio", isUnified ? "io.max" : file, to);
  }
}
