/**
 * The table of protocols: each word of `protocol =`, and what the rest of the program knows of it. It imports nothing,
 * because the supervisor and the checks read it; the code of a protocol is in its folder. client-codecs.ts and
 * server-sessions.ts hold that code by these names, and the compiler finds what is missing there.
 */
export interface ProtocolFacts {
  /** Its name in messages. */
  readonly title: string;
  /** `request` and `serve` can send it to a pool (client-codecs.ts). */
  readonly isSent: boolean;
  /** A worker that we ship, or the library, can answer it (server-sessions.ts). */
  readonly isAnswered: boolean;
  /** A connection ends with its request, so its age is the request's age. */
  readonly hasOneRequest: boolean;
}

export const PROTOCOLS = {
  fastcgi: { title: 'FastCGI', isSent: true, isAnswered: true, hasOneRequest: false },
  scgi: { title: 'SCGI', isSent: true, isAnswered: true, hasOneRequest: true },
  http: { title: 'HTTP', isSent: false, isAnswered: false, hasOneRequest: false },
  uwsgi: { title: 'uwsgi', isSent: false, isAnswered: false, hasOneRequest: true },
  other: { title: 'another protocol', isSent: false, isAnswered: false, hasOneRequest: false },
} as const satisfies Readonly<Record<string, ProtocolFacts>>;

export type ProtocolName = keyof typeof PROTOCOLS;

type NamesWith<Fact extends 'isSent' | 'isAnswered'> = {
  readonly [Name in ProtocolName]: (typeof PROTOCOLS)[Name][Fact] extends true ? Name : never;
}[ProtocolName];

/** What `request` and `serve` speak to a pool. */
export type ClientProtocol = NamesWith<'isSent'>;
/** What `fpm-ts cgi` and `fpm-ts/responder` speak to a web server. */
export type ServerProtocol = NamesWith<'isAnswered'>;

export const PROTOCOL_NAMES: readonly [ProtocolName, ...ProtocolName[]] = Object.keys(PROTOCOLS) as [
  ProtocolName,
  ...ProtocolName[],
];
export const CLIENT_PROTOCOLS: readonly ClientProtocol[] = PROTOCOL_NAMES.filter(isClientProtocol);
export const SERVER_PROTOCOLS: readonly ServerProtocol[] = PROTOCOL_NAMES.filter(isServerProtocol);

export function isClientProtocol(name: ProtocolName): name is ClientProtocol {
  return PROTOCOLS[name].isSent;
}

/** Of a name that a program has passed, whatever it is. */
export function isServerProtocol(name: unknown): name is ServerProtocol {
  return PROTOCOL_NAMES.some(known => known === name && PROTOCOLS[known].isAnswered);
}

/** For messages: `"fastcgi" or "scgi"`. */
export function namesInWords(names: readonly ProtocolName[], conjunction: 'and' | 'or'): string {
  const quoted = names.map(name => `"${name}"`);
  return [quoted.slice(0, -1).join(', '), quoted.at(-1)].filter(Boolean).join(` ${conjunction} `);
}
