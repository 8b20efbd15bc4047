/**
 * SOCKET-DIR/UUID, a link to the bundle: without --full-attach callers, as CRI-O, connect to `attach` there, since the bundle's own path
 * may be longer than unix(7) allows. It stays when the monitor ends.
 */
import { makeLink, unlink } from "../../../boundary/shim";
import { isGiven, value } from "../options";
import { Option } from "../option-names";
import { joinName, Place } from "../words";

const SLASH: u8 = 0x2f;

/** 0, or a negated errno. */
export function linkBundle(): i32 {
  if (!isGiven(Option.SOCKET_DIR_PATH) || isGiven(Option.FULL_ATTACH) || !isGiven(Option.CUUID)) return 0;
  const bundle = value(Option.BUNDLE), path = joinName(Place.SECOND, value(Option.SOCKET_DIR_PATH), value(Option.CUUID), "");
  if (load<u8>(bundle) != SLASH) return 0;
  unlink(path);
  return makeLink(bundle, path);
}
