/** The signals that wsh catches, and what becomes of them. */
import { bit, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH } from "../../lib/signal";

export const TERMINAL_SIGNALS: u32 = bit(SIGWINCH) | bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM) | bit(SIGTSTP) | bit(SIGCONT);
/** In protocol 2, without a terminal: the command's process group gets them. */
export const PASSED_SIGNALS: u32 = bit(SIGHUP) | bit(SIGINT) | bit(SIGQUIT) | bit(SIGTERM);
/** The keys for end of file, SIGINT and SIGQUIT. */
export const CTRL_D: u8 = 0x04, CTRL_C: u8 = 0x03, CTRL_BACKSLASH: u8 = 0x1c;
/** With --signal-status: a shell's way to show a signal. */
export const SIGNAL_STATUS: i32 = 128;
