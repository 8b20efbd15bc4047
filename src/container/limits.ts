/** What a job's settings may be, for whoever judges them: iomux-spawn's own limits. docs/iomux-spawn.md */
export const RING_BYTES_MIN = 4_096;
export const RING_BYTES_MAX = 2 ** 26;
export const LINGER_SECONDS_MAX = 86_400;
