// SPDX-License-Identifier: Apache-2.0
// A page of something that goes on: it is written anew from time to time.
setTimeout(() => location.reload(), 10000);
