/** The fixed bodies of FastCGI's discrete records (Specification 1.0, sections 4.2, 5.1 and 5.5). */
import { ProtocolError } from '../protocol-error.ts';
import { FCGI_KEEP_CONN } from './constants.ts';

const BODY_BYTES = 8;

export interface BeginRequest {
  readonly role: number;
  readonly keepConnection: boolean;
}

export interface EndRequest {
  /** What a CGI program would have given to exit(2). */
  readonly appStatus: number;
  /** One of PROTOCOL_STATUS. */
  readonly protocolStatus: number;
}

export function encodeBeginRequest(begin: BeginRequest): Buffer {
  const body = Buffer.alloc(BODY_BYTES);
  body.writeUInt16BE(begin.role, 0);
  body.writeUInt8(begin.keepConnection ? FCGI_KEEP_CONN : 0, 2);
  return body;
}

/** @throws ProtocolError FCGI_BODY when it is not eight bytes. */
export function decodeBeginRequest(body: Buffer): BeginRequest {
  requireSize(body, 'FCGI_BEGIN_REQUEST');
  return { role: body.readUInt16BE(0), keepConnection: (body.readUInt8(2) & FCGI_KEEP_CONN) !== 0 };
}

export function encodeEndRequest(end: EndRequest): Buffer {
  const body = Buffer.alloc(BODY_BYTES);
  body.writeUInt32BE(end.appStatus, 0);
  body.writeUInt8(end.protocolStatus, 4);
  return body;
}

/** @throws ProtocolError FCGI_BODY when it is not eight bytes. */
export function decodeEndRequest(body: Buffer): EndRequest {
  requireSize(body, 'FCGI_END_REQUEST');
  return { appStatus: body.readUInt32BE(0), protocolStatus: body.readUInt8(4) };
}

/** The answer to a management record of a type that the application does not know (section 4.2). */
export function encodeUnknownType(type: number): Buffer {
  const body = Buffer.alloc(BODY_BYTES);
  body.writeUInt8(type, 0);
  return body;
}

function requireSize(body: Buffer, name: string): void {
  if (body.length !== BODY_BYTES) {
    throw new ProtocolError('FCGI_BODY', `${name} has ${body.length} bytes instead of ${BODY_BYTES}`);
  }
}
