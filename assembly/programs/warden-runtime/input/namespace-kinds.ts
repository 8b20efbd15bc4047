/** CLONE_NEW… of clone(2): the kinds of namespaces. */
export const NEW_TIME: u32 = 0x80, NEW_MOUNT: u32 = 0x2_0000, NEW_CGROUP: u32 = 0x200_0000, NEW_UTS: u32 = 0x400_0000;
export const NEW_IPC: u32 = 0x800_0000, NEW_USER: u32 = 0x1000_0000, NEW_PID: u32 = 0x2000_0000, NEW_NETWORK: u32 = 0x4000_0000;
