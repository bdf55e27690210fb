/** The least that can be done to store a record durably: one put, one transaction. */
export class BareStore {
  readonly #database: IDBDatabase
  readonly #durability: IDBTransactionDurability
  #key = 0

  static async open(durability: IDBTransactionDurability): Promise<BareStore> {
    const request = indexedDB.open(`bare ${crypto.randomUUID()}`)
    request.onupgradeneeded = () => request.result.createObjectStore('records')
    await new Promise((resolve) => (request.onsuccess = resolve))
    return new BareStore(request.result, durability)
  }

  private constructor(database: IDBDatabase, durability: IDBTransactionDurability) {
    this.#database = database
    this.#durability = durability
  }

  write(bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const transaction = this.#database.transaction('records', 'readwrite', { durability: this.#durability })
      transaction.oncomplete = () => resolve()
      transaction.onabort = () => reject(transaction.error as Error)
      transaction.objectStore('records').put(crypto.getRandomValues(new Uint8Array(bytes)), ++this.#key)
      transaction.commit()
    })
  }

  close(): void {
    this.#database.close()
  }
}
