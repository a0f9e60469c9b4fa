import type { AddressInfo } from 'node:net';
import { vfsContract } from '@ring3/vfs/contract';
import { createDocumentService } from './rest-service.ts';
import { restStore } from './rest-store.ts';

vfsContract('a web service as a store', async () => {
  const service = createDocumentService();
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  const { port } = service.address() as AddressInfo;
  return {
    ...restStore(`http://127.0.0.1:${port}`),
    close: () => {
      service.closeAllConnections();
      service.close();
    },
  };
});
