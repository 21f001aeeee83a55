/** FastCGI as a client: one request a connection. */
import { CountedAnswer } from '../cgi-response/counted-answer.ts';
import type { AnswerEvent, ClientCodec, ClientProtocolCode } from '../client-codec.ts';
import type { PairInput } from '../pair.ts';
import type { EndRequest } from './bodies.ts';
import { encodeRequestHead, encodeStdin, encodeStdinEnd, FastcgiClientReader } from './client.ts';
import { PROTOCOL_STATUS } from './constants.ts';

export const fastcgiClient: ClientProtocolCode = { needsLength: false, createCodec };

function createCodec(params: readonly PairInput[]): ClientCodec {
  const records = new FastcgiClientReader();
  const answer = new CountedAnswer({}, params);
  return {
    head: encodeRequestHead(params),
    encodeBody: encodeStdin,
    bodyEnd: encodeStdinEnd(),
    *push(chunk) {
      for (const event of records.push(chunk)) {
        if (event.type === 'stdout') yield* answer.push(event.chunk);
        else if (event.type === 'end') yield endEvent(event.end);
        else yield event;
      }
    },
    close() {
      records.end();
      answer.end();
    },
    isWhole: () => answer.isWhole(),
  };
}

function endEvent(end: EndRequest): AnswerEvent {
  switch (end.protocolStatus) {
    case PROTOCOL_STATUS.requestComplete:
      return { type: 'end', end: { appStatus: end.appStatus } };
    case PROTOCOL_STATUS.overloaded:
      return refused('the program is overloaded (FCGI_OVERLOADED)', true);
    case PROTOCOL_STATUS.unknownRole:
      return refused('the program is not a FastCGI responder (FCGI_UNKNOWN_ROLE)');
    default:
      return refused(`the program refused the request (protocol status ${end.protocolStatus})`);
  }
}

function refused(reason: string, isOverload = false): AnswerEvent {
  return { type: 'refused', isOverload, reason };
}
