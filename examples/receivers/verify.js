// Verify webhook signatures (Standard Webhooks). Copy this file; it needs Node 16 and nothing else.
'use strict'

const { createHmac, timingSafeEqual } = require('node:crypto')

const TOLERANCE_SECONDS = 300

/** The request is not from whom it seems to be, or is too old: answer 401. */
class InvalidSignatureError extends Error {}

/**
 * Throw InvalidSignatureError unless whoever knows `secret` signed `body` just now.
 * `headers` are those of node:http (names in lower case), `body` is a Buffer of the bytes as they came.
 */
function verify (secret, headers, body, now = Date.now() / 1000) {
  const id = headers['webhook-id']
  const timestamp = headers['webhook-timestamp']
  const signatures = headers['webhook-signature']
  if (!id || !signatures || !/^\d{1,12}$/.test(timestamp ?? '')) {
    throw new InvalidSignatureError('a webhook header is missing or malformed')
  }
  if (Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new InvalidSignatureError('webhook-timestamp is more than five minutes from now')
  }
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64')
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
  const expected = Buffer.from(`v1,${mac}`)
  // There are two while a secret is being replaced. timingSafeEqual takes equal lengths only.
  const fits = signatures.split(' ').map(Buffer.from).filter((one) => one.length === expected.length)
  if (!fits.some((one) => timingSafeEqual(one, expected))) {
    throw new InvalidSignatureError('no webhook-signature fits the body')
  }
}

module.exports = { InvalidSignatureError, verify }
