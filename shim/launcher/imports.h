/* The parameters that wasm2c passes to a call of module `shim`, by the number of its arguments (../sys/calls.h). */
#ifndef WARDEN_IMPORTS_H
#define WARDEN_IMPORTS_H

#define TAKE_0 struct w2c_shim *host
#define TAKE_1 TAKE_0, u32 a
#define TAKE_2 TAKE_1, u32 b
#define TAKE_3 TAKE_2, u32 c
#define TAKE_4 TAKE_3, u32 d
#define TAKE_5 TAKE_4, u32 e

#endif
