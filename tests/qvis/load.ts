// Loads traces with the code of qvis, as its page does, and prints the number of events of each name.
//
// Usage: node load.js TRACE.qlog...

import FileLoader from '@/components/filemanager/data/FileLoader';
import { QlogLoader } from '@/data/QlogLoader';
import * as fs from 'fs';

const page = globalThis as any;
page.alert = (message: unknown) => { throw new Error(`qvis shows an alert: ${message}`); };
page.File = page.File ?? class {};

async function load(names: string[]) {
  for (const name of names) {
    const { qlogJSON } = await FileLoader.Load(fs.readFileSync(name, 'utf8') as any, name) as any;
    const group = QlogLoader.fromJSON(qlogJSON);
    if (!group) { throw new Error(`qvis does not load ${name}`); }
    for (const connection of group.getConnections()) {
      const events: Record<string, number> = {};
      let bytes = 0;
      for (const raw of connection.getEvents()) {
        const event = connection.parseEvent(raw);
        const key = `${event.category}:${event.name}`;
        events[key] = (events[key] ?? 0) + 1;
        if (event.name === 'packet_sent') { bytes += event.data.raw.length; }
      }
      console.log(JSON.stringify({ from: connection.vantagePoint.type, bytes, events }));
    }
  }
}

load(process.argv.slice(2)).catch(error => {
  console.error(error);
  process.exit(1);
});
