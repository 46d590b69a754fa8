/**
 * This browser's own store of frames: IndexedDB, which unlike the Cache API and service workers is there on plain HTTP
 * as well. Blocks of frames by series; what was looked at longest ago goes first when room is needed.
 *
 * All of it belongs to one person. `viewer/static/js/kept.js`, on every page, deletes the database when that person signs
 * out or another one comes, and takes the mark away; a page that is still open then neither reads nor writes any more.
 * It is only a cache: where the browser refuses anything, frames come over the network.
 */

import type { Values } from "./values";

const DATABASE = "filmless-frames";
const MARK = "filmless.kept-for";
/** Raise it when what is kept has another form: everything older is dropped. */
const FORM = 1;
const NOTES = "series";
const BLOCKS = "blocks";
const AGE_MS = 7 * 24 * 3600 * 1000;
/** Of what the browser offers this site, so much is used at most. */
const SHARE = 0.5;

export interface KeptFrame {
  /** What stands for the bytes of the object, and the number of the frame in it: together they say which frame this is. */
  content: string;
  frame: number;
  code: number;
  /** As it came, or modality values. */
  data: ArrayBuffer | Values;
}

/** What is kept of a series: bytes of each block, and when it was looked at last. */
interface Note {
  used: number;
  blocks: Record<string, number>;
}

export interface Shelf {
  /** Whether nothing can be kept from earlier: known at once. */
  readonly isEmpty: boolean;
  /** The blocks of a series that are kept, by name. */
  names(series: string): Promise<string[]>;
  /** The frames of a block; none where it is gone. */
  take(series: string, block: string): Promise<KeptFrame[]>;
  /** Keep a block; false where there is no room for it, or nothing may be kept any more. */
  put(series: string, block: string, frames: KeptFrame[]): Promise<boolean>;
  /** Forget a block. */
  drop(series: string, block: string): Promise<void>;
}

export class BrowserShelf implements Shelf {
  private opening: Promise<IDBDatabase | null> | null = null;
  private isOff = false;
  isEmpty: boolean;

  /** `person` is told by the server; `budget` is in bytes. */
  constructor(
    private readonly person: string,
    private budget: number,
  ) {
    this.isEmpty = markOf() !== person;
    if (this.isEmpty) emptyShelf();
    this.isOff = !claimed(person);
  }

  async names(series: string): Promise<string[]> {
    // A browser that has kept nothing yet is not even asked: the first opening of all waits for nothing.
    if (this.isEmpty) return [];
    return (await this.tried(async (db) => Object.keys((await used(db, series))?.blocks ?? {}))) ?? [];
  }

  async take(series: string, block: string): Promise<KeptFrame[]> {
    const found = await this.tried((db) => asked<KeptFrame[] | undefined>(db.transaction(BLOCKS).objectStore(BLOCKS).get([series, block])));
    return found ?? [];
  }

  async put(series: string, block: string, frames: KeptFrame[]): Promise<boolean> {
    const bytes = frames.reduce((sum, frame) => sum + frame.data.byteLength, 0);
    const isKept = await this.tried(async (db) => {
      if (!(await this.makeRoom(db, bytes, series))) return false;
      try {
        await written(db, series, block, frames, bytes);
        return true;
      } catch (error) {
        if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
        // The disk is fuller than the browser said: there is room the next time.
        this.budget = 0;
        await this.makeRoom(db, 0, series);
        return false;
      }
    });
    this.isEmpty = false;
    return isKept ?? false;
  }

  async drop(series: string, block: string): Promise<void> {
    await this.tried(async (db) => {
      const change = writing(db);
      const notes = change.objectStore(NOTES);
      const note = await asked<Note | undefined>(notes.get(series));
      const left = Object.entries(note?.blocks ?? {}).filter(([name]) => name !== block);
      if (note) notes.put({ ...note, blocks: Object.fromEntries(left) } satisfies Note, series);
      change.objectStore(BLOCKS).delete([series, block]);
      await ended(change);
    });
  }

  /** Drop what nobody has looked at for long, and the series that was so longest while there is too little room. */
  private async makeRoom(db: IDBDatabase, bytes: number, series: string): Promise<boolean> {
    const notes = await notesOf(db);
    let sum = [...notes.values()].reduce((all, note) => all + sizeOf(note), bytes);
    const others = [...notes].filter(([uid]) => uid !== series).sort(([, a], [, b]) => a.used - b.used);
    for (const [uid, note] of others) {
      if (sum <= this.budget && note.used > Date.now() - AGE_MS) break;
      await dropped(db, uid);
      sum -= sizeOf(note);
    }
    return sum <= this.budget;
  }

  /** Do something with the database; null, and never again, where that fails. */
  private async tried<T>(act: (db: IDBDatabase) => Promise<T>): Promise<T | null> {
    if (this.isOff || markOf() !== this.person) return null;
    try {
      const db = await (this.opening ??= this.opened());
      // Somebody else may have come while it was opened, which made it anew.
      return db && !this.isOff && markOf() === this.person ? await act(db) : null;
    } catch {
      this.isOff = true;
      return null;
    }
  }

  private async opened(): Promise<IDBDatabase | null> {
    const request = indexedDB.open(DATABASE, FORM);
    request.onupgradeneeded = () => {
      const db = request.result;
      for (const name of [...db.objectStoreNames]) db.deleteObjectStore(name);
      db.createObjectStore(NOTES);
      db.createObjectStore(BLOCKS);
    };
    const db = await asked(request);
    // Somebody deletes it: let go at once.
    db.onversionchange = () => {
      this.isOff = true;
      db.close();
    };
    // Not there on plain HTTP; there the browser refuses what is too much.
    const quota = (await navigator.storage?.estimate())?.quota;
    if (quota) this.budget = Math.min(this.budget, quota * SHARE);
    return db;
  }
}

/** Forget everything, as for another person or where nothing may be kept. */
export function emptyShelf(): void {
  if (markOf() === null || markOf() === undefined) return;
  localStorage.removeItem(MARK);
  indexedDB.deleteDatabase(DATABASE);
}

function claimed(person: string): boolean {
  try {
    localStorage.setItem(MARK, person);
    return true;
  } catch {
    return false;
  }
}

/** Whose the store is; null for nobody's, undefined where the browser forbids storage. */
function markOf(): string | null | undefined {
  try {
    return localStorage.getItem(MARK);
  } catch {
    return undefined;
  }
}

const sizeOf = (note: Note): number => Object.values(note.blocks).reduce((sum, bytes) => sum + bytes, 0);

function asked<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the store refuses"));
  });
}

function ended(change: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    change.oncomplete = () => resolve();
    change.onabort = () => reject(change.error ?? new Error("the store refuses"));
  });
}

const writing = (db: IDBDatabase): IDBTransaction => db.transaction([NOTES, BLOCKS], "readwrite", { durability: "relaxed" });

/** What is kept of a series, which is being looked at now. */
async function used(db: IDBDatabase, series: string): Promise<Note | undefined> {
  const notes = db.transaction(NOTES, "readwrite", { durability: "relaxed" }).objectStore(NOTES);
  const note = await asked<Note | undefined>(notes.get(series));
  if (note) notes.put({ ...note, used: Date.now() } satisfies Note, series);
  return note;
}

async function written(db: IDBDatabase, series: string, block: string, frames: KeptFrame[], bytes: number): Promise<void> {
  const change = writing(db);
  const notes = change.objectStore(NOTES);
  const note = await asked<Note | undefined>(notes.get(series));
  notes.put({ used: Date.now(), blocks: { ...note?.blocks, [block]: bytes } } satisfies Note, series);
  change.objectStore(BLOCKS).put(frames, [series, block]);
  await ended(change);
}

async function notesOf(db: IDBDatabase): Promise<Map<string, Note>> {
  const notes = db.transaction(NOTES).objectStore(NOTES);
  const [uids, found] = await Promise.all([asked(notes.getAllKeys()), asked<Note[]>(notes.getAll())]);
  return new Map(uids.map((uid, i) => [String(uid), found[i] as Note]));
}

async function dropped(db: IDBDatabase, series: string): Promise<void> {
  const change = writing(db);
  change.objectStore(NOTES).delete(series);
  // Every key that begins with the series: an array sorts behind all strings.
  change.objectStore(BLOCKS).delete(IDBKeyRange.bound([series], [series, []]));
  await ended(change);
}
