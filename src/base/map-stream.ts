/**
 * What `pick` makes of each item, items for which it returns `null` left out. Ending the result ends
 * the source at once, even while a read of it is under way; each iteration starts one of the source.
 */
export function mapStream<T, U>(source: AsyncIterable<T>, pick: (item: T) => U | null): AsyncIterable<U> {
  return {
    [Symbol.asyncIterator]: () => {
      const inner = source[Symbol.asyncIterator]()
      return {
        next: async () => {
          for (;;) {
            const result = await inner.next()
            if (result.done === true) return { done: true, value: undefined }
            const value = pick(result.value)
            if (value !== null) return { done: false, value }
          }
        },
        return: async () => {
          await inner.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}
