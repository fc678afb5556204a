/**
 * Making, growing, describing and deleting topics.
 * @module
 */

/** What a config belongs to: 2 a topic, 4 a broker. */
export type ConfigResource = 2 | 4 | 32;

/** CreateTopics, CreatePartitions, DeleteTopics, DescribeConfigs. */
export interface TopicApis {
  CreateTopics: {
    /** `numPartitions` and `replicationFactor` -1: the broker's defaults. */
    request: {
      readonly timeoutMs: number;
      readonly validateOnly: boolean;
      readonly topics: ReadonlyArray<
        {
          readonly name: string;
          readonly numPartitions: number;
          readonly replicationFactor: number;
          readonly configs: Readonly<Record<string, string>>;
        }
      >;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly topics: ReadonlyArray<
        { readonly name: string; readonly errorCode: number; readonly errorMessage: string | null }
      >;
    };
  };
  CreatePartitions: {
    /** `count` is the new total. */
    request: {
      readonly timeoutMs: number;
      readonly validateOnly: boolean;
      readonly topics: ReadonlyArray<{ readonly name: string; readonly count: number }>;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly topics: ReadonlyArray<
        { readonly name: string; readonly errorCode: number; readonly errorMessage: string | null }
      >;
    };
  };
  DeleteTopics: {
    request: { readonly timeoutMs: number; readonly topics: ReadonlyArray<string> };
    answer: {
      readonly throttleTimeMs: number;
      readonly topics: ReadonlyArray<{ readonly name: string; readonly errorCode: number }>;
    };
  };
  DescribeConfigs: {
    request: {
      readonly resources: ReadonlyArray<
        {
          readonly type: ConfigResource;
          readonly name: string;
          /** Null: all. */
          readonly keys: ReadonlyArray<string> | null;
        }
      >;
    };
    answer: {
      readonly throttleTimeMs: number;
      readonly resources: ReadonlyArray<
        {
          readonly errorCode: number;
          readonly errorMessage: string | null;
          readonly type: ConfigResource;
          readonly name: string;
          readonly configs: ReadonlyArray<
            {
              readonly name: string;
              /** Null where it is secret. */
              readonly value: string | null;
              /** Whether it is nowhere set: the default. */
              readonly isDefault: boolean;
            }
          >;
        }
      >;
    };
  };
}
