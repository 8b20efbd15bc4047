/** Values of linux.resources on their way to files of a control group. */
import { ENOENT } from "../../../lib/errno";
import {
  jsonI64, jsonIsCString, jsonIsI64, jsonIsU64, jsonSize, jsonText, jsonU64,
} from "../../../lib/json/nodes";
import { putDigits, putText } from "../../../lib/text";
import { die } from "../files/end";
import { PATH_BYTES } from "../files/paths";
import { groupOf, groupPath, isUnified, writeGroup } from "./groups";

/** A value that is being put together. */
export const value = memory.data(PATH_BYTES);

export function isNumber(node: usize): bool { return jsonIsI64(node) || jsonIsU64(node); }

export function putSigned(at: usize, number: i64): usize {
  if (number >= 0) return putDigits(at, <u64>number);
  return putDigits(putText(at, "-"), <u64>-number);
}

export function putNumber(at: usize, node: usize): usize {
  return jsonIsI64(node) ? putSigned(at, jsonI64(node)) : putDigits(at, jsonU64(node));
}

/** Whether the controller is one of v2. */
export function isV2(controller: string): bool {
  const group = groupOf(controller);
  return group >= 0 && isUnified(group);
}

/** Writes to a file of the controller's group: 0 or a negated errno. */
export function tryValue(controller: string, file: string, at: usize, size: u32): i32 {
  const group = groupOf(controller);
  return group < 0 ? -ENOENT : writeGroup(groupPath(group), file, at, size);
}

/** A number to a file of the controller's group: 0, also for a node that is none, or a negated errno. */
export function tryNumber(controller: string, file: string, node: usize): i32 {
  return isNumber(node) ? tryValue(controller, file, value, <u32>(putNumber(value, node) - value)) : 0;
}

export function setValue(controller: string, file: string, at: usize, size: u32): void {
  const result = tryValue(controller, file, at, size);
  if (result < 0) failed(file, result);
}

/** What `value` holds, up to `end`. */
export function setBuilt(controller: string, file: string, end: usize): void { setValue(controller, file, value, <u32>(end - value)); }

export function setNumber(controller: string, file: string, node: usize): void {
  const result = tryNumber(controller, file, node);
  if (result < 0) failed(file, result);
}

export function setText(controller: string, file: string, node: usize): void {
  if (jsonIsCString(node) && jsonSize(node) > 0) setValue(controller, file, jsonText(node), jsonSize(node));
}

/** -1 is "max". */
export function setMost(controller: string, file: string, node: usize): void {
  if (jsonIsI64(node) && jsonI64(node) < 0) setBuilt(controller, file, putText(value, "max"));
  else setNumber(controller, file, node);
}

const fileName = memory.data(128);

export function failed(file: string, errno: i32): void {
  store<u8>(putText(fileName, file), 0);
  die("cannot set the limit", fileName, errno, "linux.resources asks for a controller that is missing, or a value that it does not take");
}
