/** Writes docs/ring3.schema.json, the JSON Schema of the configuration, from the tables that read it. `node --conditions=source scripts/configuration-schema.ts` */
import { writeFileSync } from 'node:fs';
import { configurationSchema } from '@ring3/daemon/config';

writeFileSync(new URL('../docs/ring3.schema.json', import.meta.url), `${JSON.stringify(configurationSchema(), null, 2)}\n`);
