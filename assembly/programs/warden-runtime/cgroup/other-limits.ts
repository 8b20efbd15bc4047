/** linux.resources.hugepageLimits, network, rdma. cgroup-v1/hugetlb.rst, net_cls.rst, net_prio.rst, rdma.rst */
import { ENOENT } from "../../../lib/errno";
import {
  jsonCount, jsonFirst, jsonIsCString, jsonIsU64, JsonKind, jsonKind, jsonMember, jsonNext, jsonSize, jsonText, jsonU64, jsonValue,
} from "../../../lib/json/nodes";
import { putCopy, putDigits, putText } from "../../../lib/text";
import { die } from "../files/end";
import { groupOf, groupPath } from "./groups";
import { joinPath, PATH_BYTES, writeFile } from "../files/paths";
import { isV2, setBuilt, setNumber, value } from "./write";

export function setOtherLimits(resources: usize): void {
  setHugepages(jsonMember(resources, "hugepageLimits"));
  setNetwork(jsonMember(resources, "network"));
  setRdma(jsonMember(resources, "rdma"));
}

const NAME_MAX: u32 = 64;
const path = memory.data(PATH_BYTES), name = memory.data(128);

function setHugepages(list: usize): void {
  let entry = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, entry = jsonNext(entry)) {
    const size = jsonMember(entry, "pageSize"), limit = jsonMember(entry, "limit");
    if (!isName(size) || !jsonIsU64(limit)) return die("linux.resources.hugepageLimits has an entry without pageSize and limit");
    const isUnified = isV2("hugetlb"), result = writeLimit(size, isUnified ? ".max" : ".limit_in_bytes", limit);
    if (result < 0) return die("cannot set the limit of huge pages of", jsonText(size), result);
    // Reservations are counted apart from Linux 5.7 on.
    const reserved = writeLimit(size, isUnified ? ".rsvd.max" : ".rsvd.limit_in_bytes", limit);
    if (reserved < 0 && reserved != -ENOENT) return die("cannot set the limit of reserved huge pages of", jsonText(size), reserved);
  }
}

function isName(node: usize): bool {
  if (!jsonIsCString(node) || jsonSize(node) == 0 || jsonSize(node) > NAME_MAX) return false;
  for (let i: u32 = 0; i < jsonSize(node); i++) if (load<u8>(jsonText(node) + i) <= 0x2f) return false;
  return true;
}

function writeLimit(size: usize, tail: string, limit: usize): i32 {
  const group = groupOf("hugetlb");
  if (group < 0) return -ENOENT;
  store<u8>(putText(putCopy(putText(name, "hugetlb."), jsonText(size)), tail), 0);
  joinPath(path, groupPath(group), name);
  return writeFile(0, path, value, <u32>(putDigits(value, jsonU64(limit)) - value));
}

function setNetwork(network: usize): void {
  if (network == 0) return;
  setNumber("net_cls", "net_cls.classid", jsonMember(network, "classID"));
  const list = jsonMember(network, "priorities");
  let entry = jsonFirst(list);
  for (let i = jsonCount(list); i > 0; i--, entry = jsonNext(entry)) {
    const interfaceName = jsonMember(entry, "name"), priority = jsonMember(entry, "priority");
    if (!isName(interfaceName) || !jsonIsU64(priority)) return die("linux.resources.network.priorities has an entry without name and priority");
    setBuilt("net_prio", "net_prio.ifpriomap", putDigits(putText(putCopy(value, jsonText(interfaceName)), " "), jsonU64(priority)));
  }
}

function setRdma(devices: usize): void {
  if (jsonKind(devices) != JsonKind.OBJECT) return;
  let key = jsonFirst(devices);
  for (let i = jsonCount(devices); i > 0; i--, key = jsonNext(jsonValue(key))) {
    const handles = jsonMember(jsonValue(key), "hcaHandles"), objects = jsonMember(jsonValue(key), "hcaObjects");
    if (!isName(key)) return die("linux.resources.rdma has a bad name:", jsonText(key));
    let to = putCopy(value, jsonText(key));
    if (jsonIsU64(handles)) to = putDigits(putText(to, " hca_handle="), jsonU64(handles));
    if (jsonIsU64(objects)) to = putDigits(putText(to, " hca_object="), jsonU64(objects));
    setBuilt("rdma", "rdma.max", to);
  }
}
