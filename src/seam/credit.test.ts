import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { VIEW_CREDIT_BYTES } from './contract.ts'
import { CUT_OFF_BYTES, frameCost, GRANT_STEP_BYTES, MIN_FRAME_COST, ReceiveCredit, SendCredit } from './credit.ts'

describe('credit', () => {
  it('[CREDIT-1] a frame costs its payload, and 64 bytes at the least', () => {
    expect([0, 1, 63, 64, 65, 1_000_000].map(frameCost)).toEqual([64, 64, 64, 64, 65, 1_000_000])
  })

  it('[CREDIT-2] an honest pair never stalls and is never cut off, whatever the sizes and the pace', () => {
    const size = fc.oneof(fc.nat(2000), fc.nat(VIEW_CREDIT_BYTES), fc.nat(3 * VIEW_CREDIT_BYTES))
    fc.assert(
      fc.property(fc.array(size, { maxLength: 60 }), fc.infiniteStream(fc.boolean()), (sizes, readsNext) => {
        const [sender, receiver] = [new SendCredit(), new ReceiveCredit()]
        const unread: number[] = []
        const read = (): boolean => {
          const cost = unread.shift()
          if (cost === undefined) return false
          sender.grant(receiver.took(cost, 'reliable'))
          return true
        }
        for (const cost of sizes.map(frameCost)) {
          while (!sender.allows(cost)) expect(read(), 'a sender waits with nothing unread').toBe(true)
          sender.spend(cost)
          expect(receiver.arrived(cost, 'reliable')).toBe('accept')
          unread.push(cost)
          if (readsNext.next().value === true) read()
        }
        while (read());
        expect(sender.outstanding).toBeLessThan(GRANT_STEP_BYTES)
        sender.grant(receiver.giveBack())
        expect(sender.outstanding).toBe(0)
      }),
    )
  })

  it('[CREDIT-3] grants above what is outstanding count as all of it, and a closed book gives back once', () => {
    const sender = new SendCredit()
    sender.spend(100)
    sender.grant(1_000_000)
    expect(sender.outstanding).toBe(0)
    const receiver = new ReceiveCredit()
    receiver.arrived(500, 'reliable')
    receiver.arrived(700, 'reliable')
    receiver.took(500, 'reliable')
    expect(receiver.giveBack()).toBe(1200)
    expect(receiver.giveBack()).toBe(0)
    expect(receiver.took(700, 'reliable')).toBe(0)
  })

  it('[MUX-11] a sender that ignores its credit is cut off at twice of it, and lossy floods are dropped', () => {
    const receiver = new ReceiveCredit()
    let accepted = 0
    while (receiver.arrived(65_536, 'reliable') === 'accept') accepted += 65_536
    expect(accepted).toBe(CUT_OFF_BYTES + 65_536)
    let kept = 0
    while (receiver.arrived(MIN_FRAME_COST, 'lossy') === 'accept') kept += MIN_FRAME_COST
    expect(kept).toBe(VIEW_CREDIT_BYTES)
    receiver.took(MIN_FRAME_COST, 'lossy')
    expect(receiver.arrived(MIN_FRAME_COST, 'lossy')).toBe('accept')
  })
})
