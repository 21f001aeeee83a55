/** What a worker of the fuzzing run is told on its command line, and what it reports. */

/** It takes every `step`th input from `first` to below `end`. */
export interface Share {
  readonly seed: number;
  readonly first: number;
  readonly end: number;
  readonly step: number;
  /** It writes the number of its input here before it begins with it, for the case that it does not come back. */
  readonly currentFile: string;
}

export interface Failure {
  readonly index: number;
  readonly text: string;
}

/** Since the last report. */
export interface Progress {
  readonly inputs: number;
  readonly bytes: number;
  /** "fastcgi FCGI_VERSION" or "scgi accepted" -> how many. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
  readonly peakBytes: number;
}
