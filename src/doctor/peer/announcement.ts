/** This doctor's own peer document: kept beating, so that its peer can tell it from a dead one. */
import type { Clock, FileSystem, Timer } from '../../platform/ports.js';
import { DocumentFile } from '../../store/document-file.js';
import { PEER_FILE, type PeerDocument } from './peer-document.js';

const BEAT_MS = 500;

export class Announcement {
  readonly #file: DocumentFile<PeerDocument>;
  readonly #clock: Clock;
  #document: PeerDocument;
  /** One write at a time; rejected for ever by the first that failed. */
  #written: Promise<void> = Promise.resolve();
  #isWriting = false;
  #timer: Timer | null = null;

  private constructor(file: DocumentFile<PeerDocument>, clock: Clock, document: PeerDocument) {
    this.#file = file;
    this.#clock = clock;
    this.#document = document;
  }

  /** Creates the file in `directory`, and beats until it is closed. */
  static async begin(
    fileSystem: FileSystem,
    clock: Clock,
    directory: string,
    document: PeerDocument,
  ): Promise<Announcement> {
    const path = `${directory}/${PEER_FILE}`;
    const file = await DocumentFile.open<PeerDocument>(fileSystem, path, 'create-new');
    const announcement = new Announcement(file, clock, document);
    await announcement.update({});
    announcement.#beat();
    return announcement;
  }

  get document(): PeerDocument {
    return this.#document;
  }

  /** Resolves when others can see it. */
  update(change: Partial<PeerDocument>): Promise<void> {
    this.#document = { ...this.#document, ...change, beat: this.#document.beat + 1 };
    const document = this.#document;
    this.#written = this.#written.then(async () => {
      this.#isWriting = true;
      await this.#file.write(document);
      this.#isWriting = false;
    });
    return this.#written;
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    await this.#file.close();
  }

  /** A beat that failed is met by the next one who updates. */
  #beat(): void {
    this.#timer = this.#clock.after(BEAT_MS, () => {
      if (!this.#isWriting) this.update({}).catch(() => undefined);
      this.#beat();
    });
  }
}
