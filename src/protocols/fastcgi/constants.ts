/** The numbers of the FastCGI Specification 1.0, section 8 ("Types and Constants"), under its own names. */
export const FCGI_VERSION_1 = 1;
export const FCGI_HEADER_BYTES = 8;
export const FCGI_MAX_CONTENT_BYTES = 0xffff;
/** Records that concern the connection, not a request, carry this id (section 3.3). */
export const FCGI_NULL_REQUEST_ID = 0;
/** The bit of FCGI_BEGIN_REQUEST that asks the application to leave the connection open (section 5.1). */
export const FCGI_KEEP_CONN = 1;

export const RECORD = {
  beginRequest: 1,
  abortRequest: 2,
  endRequest: 3,
  params: 4,
  stdin: 5,
  stdout: 6,
  stderr: 7,
  data: 8,
  getValues: 9,
  getValuesResult: 10,
  unknownType: 11,
} as const;

export const ROLE = { responder: 1, authorizer: 2, filter: 3 } as const;

/** protocolStatus of FCGI_END_REQUEST (section 5.5). */
export const PROTOCOL_STATUS = {
  requestComplete: 0,
  cantMultiplex: 1,
  overloaded: 2,
  unknownRole: 3,
} as const;
