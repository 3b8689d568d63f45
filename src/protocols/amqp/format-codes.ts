/** Constructors of the primitive types: OASIS AMQP 1.0, part 1, 1.6. */
export const CODE = {
  described: 0x00,
  null: 0x40,
  true: 0x41,
  false: 0x42,
  uint0: 0x43,
  ulong0: 0x44,
  list0: 0x45,
  ubyte: 0x50,
  byte: 0x51,
  smallUint: 0x52,
  smallUlong: 0x53,
  smallInt: 0x54,
  smallLong: 0x55,
  boolean: 0x56,
  ushort: 0x60,
  short: 0x61,
  uint: 0x70,
  int: 0x71,
  float: 0x72,
  char: 0x73,
  decimal32: 0x74,
  ulong: 0x80,
  long: 0x81,
  double: 0x82,
  timestamp: 0x83,
  decimal64: 0x84,
  decimal128: 0x94,
  uuid: 0x98,
  binary8: 0xa0,
  string8: 0xa1,
  symbol8: 0xa3,
  binary32: 0xb0,
  string32: 0xb1,
  symbol32: 0xb3,
  list8: 0xc0,
  map8: 0xc1,
  list32: 0xd0,
  map32: 0xd1,
  array8: 0xe0,
  array32: 0xf0,
} as const;

/**
 * By the upper four bits of a constructor (1.2 of the same): how wide the value is, or how wide the
 * size before it.
 */
export const WIDTH_CLASS = {
  /** 0x4n to 0x9n. */
  fixedBytes: [0, 1, 2, 4, 8, 16],
  firstFixed: 0x4,
  /** 0xAn to 0xFn: one byte of size when even, four when odd. */
  firstSized: 0xa,
} as const;
